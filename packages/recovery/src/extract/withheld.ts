/** A cluster without it cannot be started, so it gets its name when everything else is on its place. */
export const CONTROL = 'global/pg_control'
export const WITHHELD = `${CONTROL}.withheld`
