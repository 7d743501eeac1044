/** Everybody once a round, in the order of before and then the other way round: whoever comes second finds the machine as the first left it. */
export async function byTurns<T>(
  all: readonly T[],
  rounds: number,
  turn: (one: T) => Promise<void>,
  what = 'round',
): Promise<void> {
  for (let round = 1; round <= rounds; round++) {
    console.error(`${what} ${round} of ${rounds}`)
    for (const one of round % 2 === 1 ? all : all.toReversed()) await turn(one)
  }
}
