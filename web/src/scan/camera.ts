/** The back camera, by wish first, then any; and in one word why there is none. */
export type CameraProblem = 'insecure' | 'denied' | 'absent' | 'failed'

export function problemOf(error: unknown): CameraProblem {
  const name = error instanceof Error ? error.name : ''
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied'
  return name === 'NotFoundError' || name === 'OverconstrainedError' ? 'absent' : 'failed'
}

const WISHES: MediaStreamConstraints[] = [
  { video: { facingMode: { exact: 'environment' }, width: { ideal: 1280 }, height: { ideal: 720 } } },
  { video: true },
]

/** Throws the last error when no wish could be met; a refusal by the person is not asked again. */
export async function openCamera(): Promise<MediaStream> {
  let last: unknown
  for (const wish of WISHES) {
    try {
      return await navigator.mediaDevices.getUserMedia(wish)
    } catch (error) {
      last = error
      if (problemOf(error) === 'denied') break
    }
  }
  throw last
}

export function cameraExists(): boolean {
  return window.isSecureContext && Boolean(navigator.mediaDevices?.getUserMedia)
}

/** Null when the lamp cannot be switched. */
export function lampOf(stream: MediaStream): ((on: boolean) => Promise<void>) | null {
  const [track] = stream.getVideoTracks()
  const can = track?.getCapabilities?.() as { torch?: boolean } | undefined
  if (!track || !can?.torch) return null
  return (on) => track.applyConstraints({ advanced: [{ torch: on } as MediaTrackConstraintSet] })
}
