/** A photo made small enough for a bad network: at most 300 KB, the longer side at most 1600 pixels. */
export const MOST_BYTES = 300 * 1024
export const LONGEST_SIDE = 1600

export interface Attempt {
  side: number
  quality: number
}

/** From the best that may fit down to what surely fits. */
export const ATTEMPTS: readonly Attempt[] = [
  { side: LONGEST_SIDE, quality: 0.8 },
  { side: LONGEST_SIDE, quality: 0.6 },
  { side: 1280, quality: 0.6 },
  { side: 1024, quality: 0.5 },
  { side: 640, quality: 0.4 },
]

/** The size that keeps the proportions; a small picture is never blown up. */
export function scaled(width: number, height: number, side: number): { width: number; height: number } {
  const factor = Math.min(1, side / Math.max(width, height))
  return { width: Math.max(1, Math.round(width * factor)), height: Math.max(1, Math.round(height * factor)) }
}

/** The first attempt that is small enough, or the last one. */
export async function smallest(encode: (attempt: Attempt) => Promise<Blob>, mostBytes = MOST_BYTES): Promise<Blob> {
  let blob: Blob | null = null
  for (const attempt of ATTEMPTS) {
    blob = await encode(attempt)
    if (blob.size <= mostBytes) return blob
  }
  if (!blob || blob.size > 2 * mostBytes) throw new Error('the photo stays too large')
  return blob
}

export async function shrink(file: Blob): Promise<Blob> {
  const picture = await createImageBitmap(file, { imageOrientation: 'from-image' })
  try {
    return await smallest((attempt) => encode(picture, attempt))
  } finally {
    picture.close()
  }
}

async function encode(picture: ImageBitmap, { side, quality }: Attempt): Promise<Blob> {
  const { width, height } = scaled(picture.width, picture.height, side)
  const canvas = document.createElement('canvas')
  canvas.width = width
  canvas.height = height
  const paint = canvas.getContext('2d')
  if (!paint) throw new Error('no canvas')
  paint.drawImage(picture, 0, 0, width, height)
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('no picture'))), 'image/jpeg', quality)
  })
}
