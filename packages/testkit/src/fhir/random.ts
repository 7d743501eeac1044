/**
 * Repeatable chance: the same seed gives the same sequence on every machine (sfc32, seeded by FNV-1a).
 *
 * Cheap to make, so every row has one of its own, seeded by what it is about: rows do not depend on the order they are made in.
 */
export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: string) {
    this.#a = fnv1a(seed, 0x811c9dc5)
    this.#b = fnv1a(seed, 0x01234567)
    this.#c = fnv1a(seed, 0x9e3779b9)
    for (let round = 0; round < 8; round++) this.uint32()
  }

  uint32(): number {
    const mixed = (this.#a + this.#b + this.#counter++) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + mixed) | 0
    return mixed >>> 0
  }

  /** 0 ≤ x < 1 */
  fraction(): number {
    return this.uint32() / 2 ** 32
  }

  /** Both ends included. */
  int(min: number, max: number): number {
    return min + Math.floor(this.fraction() * (max - min + 1))
  }

  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.fraction() * from.length)] as T
  }

  /** Early entries much more often than late ones, as codes and names are in real data. */
  pickSkewed<T>(from: readonly T[]): T {
    return from[Math.floor(this.fraction() ** 2.5 * from.length)] as T
  }

  /** Near enough to a normal distribution for laboratory values. */
  around(mean: number, deviation: number): number {
    return mean + (this.fraction() + this.fraction() + this.fraction() + this.fraction() - 2) * 1.73 * deviation
  }

  hex(digits: number): string {
    let text = ''
    while (text.length < digits) text += this.uint32().toString(16).padStart(8, '0')
    return text.slice(0, digits)
  }

  uuid(): string {
    const hex = this.hex(32)
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
  }
}

function fnv1a(text: string, basis: number): number {
  let hash = basis
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash | 0
}
