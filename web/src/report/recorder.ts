/** The microphone: one recording of at most a minute, in whatever format the phone speaks. */
export const LONGEST_S = 60
export const MOST_BYTES = 1024 * 1024
const BITS_PER_S = 32_000
const FORMATS = ['audio/webm;codecs=opus', 'audio/mp4', 'audio/ogg;codecs=opus', 'audio/webm']

/** The first format that the phone can record; '' leaves the choice to it. */
export function formatOf(supported: (type: string) => boolean): string {
  return FORMATS.find(supported) ?? ''
}

export function canRecord(): boolean {
  return typeof MediaRecorder !== 'undefined' && Boolean(navigator.mediaDevices?.getUserMedia)
}

export class Recording {
  private readonly parts: Blob[] = []
  private readonly ended: Promise<void>
  private readonly timer: number

  private constructor(
    private readonly stream: MediaStream,
    private readonly recorder: MediaRecorder,
  ) {
    this.ended = new Promise((resolve) => (recorder.onstop = () => resolve()))
    recorder.ondataavailable = (event) => this.parts.push(event.data)
    recorder.start(1000)
    this.timer = window.setTimeout(() => this.recorder.state !== 'inactive' && this.recorder.stop(), LONGEST_S * 1000)
  }

  /** Asks for the microphone; throws when there is none or it may not be used. */
  static async start(): Promise<Recording> {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true })
    const mimeType = formatOf((type) => MediaRecorder.isTypeSupported(type))
    const options = { audioBitsPerSecond: BITS_PER_S, ...(mimeType ? { mimeType } : {}) }
    return new Recording(stream, new MediaRecorder(stream, options))
  }

  /** Resolves when the minute is over, or when `stop` was called. */
  get over(): Promise<void> {
    return this.ended
  }

  async stop(): Promise<Blob> {
    window.clearTimeout(this.timer)
    if (this.recorder.state !== 'inactive') this.recorder.stop()
    await this.ended
    for (const track of this.stream.getTracks()) track.stop()
    return new Blob(this.parts, { type: plainType(this.recorder.mimeType) })
  }
}

/** The type without its codec. */
export function plainType(type: string): string {
  return type.split(';')[0]?.trim() || 'audio/webm'
}
