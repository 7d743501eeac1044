/** One class of objects: a query giving `identity` (qualified, free of OIDs) and `definition` of each. */
export interface SchemaQuery {
  class: string
  sql: string
  /** The definition holds expressions that PostgreSQL wrote from its parse tree; see normalize.ts. */
  rendered?: true
  /** Only a superuser may read it, or only a superuser's dump carries it. */
  superuser?: true
}
