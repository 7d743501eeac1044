const LETTERS = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
const CHECKSUM_LETTERS = 6
const GENERATORS = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3]

/**
 * The bytes of a Bech32 text such as `age1…`; undefined when it does not begin with `prefix` and `1`, or its checksum finds it mistyped.
 *
 * @see https://github.com/bitcoin/bips/blob/master/bip-0173.mediawiki – age leaves out its limit of 90 letters
 */
export function bech32Bytes(prefix: string, text: string): Buffer | undefined {
  if (text.lastIndexOf('1') !== prefix.length || !text.startsWith(prefix)) return undefined
  const values = [...text.slice(prefix.length + 1)].map((letter) => LETTERS.indexOf(letter))
  if (values.length < CHECKSUM_LETTERS || values.includes(-1)) return undefined
  if (checksum([...expanded(prefix), ...values]) !== 1) return undefined
  return bytesOf(values.slice(0, -CHECKSUM_LETTERS))
}

function expanded(prefix: string): number[] {
  const codes = [...prefix].map((letter) => letter.charCodeAt(0))
  return [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31)]
}

function checksum(values: readonly number[]): number {
  let sum = 1
  for (const value of values) {
    const top = sum >>> 25
    sum = ((sum & 0x1ffffff) << 5) ^ value
    for (const [bit, generator] of GENERATORS.entries()) if ((top >> bit) & 1) sum ^= generator
  }
  return sum
}

/** Five bits each become bytes; what is left over must be less than five bits of padding, all zero. */
function bytesOf(values: readonly number[]): Buffer | undefined {
  const bytes: number[] = []
  let [held, bits] = [0, 0]
  for (const value of values) {
    held = ((held << 5) | value) & 0xfff
    bits += 5
    if (bits < 8) continue
    bits -= 8
    bytes.push((held >> bits) & 0xff)
  }
  const isPadded = bits < 5 && (held & ((1 << bits) - 1)) === 0
  return isPadded ? Buffer.from(bytes) : undefined
}

/** The other way round: `bech32Text('age', key)` is an `age1…` public key. */
export function bech32Text(prefix: string, bytes: Buffer): string {
  const values: number[] = []
  let [held, bits] = [0, 0]
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff
    bits += 8
    while (bits >= 5) {
      bits -= 5
      values.push((held >> bits) & 31)
    }
  }
  if (bits > 0) values.push((held << (5 - bits)) & 31)
  const sum = checksum([...expanded(prefix), ...values, ...Array<number>(CHECKSUM_LETTERS).fill(0)]) ^ 1
  const check = Array.from({ length: CHECKSUM_LETTERS }, (_, i) => (sum >>> (5 * (CHECKSUM_LETTERS - 1 - i))) & 31)
  return `${prefix}1${[...values, ...check].map((value) => LETTERS[value]).join('')}`
}
