/** Who should be working on it may be away, or busy with something else. */
export const WHEN_QUIET =
  'nothing is heard of it at the moment; `lifeboat doctor` tells whether the services it needs are there'
