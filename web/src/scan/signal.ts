/** A scan is heard, felt and seen: floors are loud, and gloves feel little. */
const GOOD_HZ = 1320
const BAD_HZ = 220
let speaker: AudioContext | null = null

export function tell(good: boolean): void {
  navigator.vibrate?.(good ? 80 : [120, 80, 120])
  if (typeof AudioContext === 'undefined') return
  speaker ??= new AudioContext()
  const tone = speaker.createOscillator()
  const volume = speaker.createGain()
  tone.frequency.value = good ? GOOD_HZ : BAD_HZ
  volume.gain.value = 0.2
  tone.connect(volume).connect(speaker.destination)
  tone.start()
  tone.stop(speaker.currentTime + (good ? 0.12 : 0.35))
}
