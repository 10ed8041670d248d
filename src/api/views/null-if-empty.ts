/** Lists that Docker answers as null while they are empty. */

export const nullIfEmpty = <Item>(list: readonly Item[] | null | undefined): readonly Item[] | null =>
  list === null || list === undefined || list.length === 0 ? null : list
