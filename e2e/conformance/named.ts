/** Rows for `it.each`, under the names that a report shows. */
export function named<Vector extends { id: string; what: string }>(
  vectors: readonly Vector[],
): [string, Vector][] {
  return vectors.map((vector) => [`${vector.id}: ${vector.what}`, vector])
}
