/** Takes an item out of a list, in which it is once. False if it is not there. */
export function removeFrom<Item>(list: Item[], item: Item): boolean {
  const index = list.indexOf(item);
  if (index >= 0) list.splice(index, 1);
  return index >= 0;
}
