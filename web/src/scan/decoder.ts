/** Reading codes from pictures on the phone itself, with a WebAssembly file of our own host. */
import { prepareZXingModule, readBarcodes, type ReaderOptions } from 'zxing-wasm/reader'
import wasmUrl from 'zxing-wasm/reader/zxing_reader.wasm?url'

const OPTIONS: ReaderOptions = { formats: ['QRCode', 'DataMatrix', 'Code128'], maxNumberOfSymbols: 1, tryHarder: true }

/** Loads the decoder ahead, so that the first picture does not wait for it. */
export async function warmUp(): Promise<void> {
  await prepareZXingModule({
    overrides: { locateFile: (path: string, prefix: string) => (path.endsWith('.wasm') ? wasmUrl : prefix + path) },
    fireImmediately: true,
  })
}

/** The text of the first code in the picture, '' when there is none. */
export async function decode(picture: ImageData | Blob): Promise<string> {
  await warmUp()
  const [first] = await readBarcodes(picture, OPTIONS)
  return first?.text ?? ''
}
