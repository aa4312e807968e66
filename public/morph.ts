/**
 * Replaces the children of an element, from index `from` on, with those of a fragment. Nodes that are already equal are kept, so that
 * selection, focus and open details stay. Attributes that only the old nodes have stay as well.
 */
export function morph (parent: Node, from: number, fresh: ParentNode): void {
  let old = parent.childNodes[from] ?? null
  for (const next of [...fresh.childNodes]) {
    const following: ChildNode | null = old?.nextSibling ?? null
    if (!old) parent.appendChild(next)
    else if (!old.isEqualNode(next)) replace(old, next)
    old = following
  }
  while (old) {
    const following: ChildNode | null = old.nextSibling
    old.remove()
    old = following
  }
}

function replace (old: ChildNode, next: ChildNode): void {
  if (old instanceof Text && next instanceof Text) {
    old.data = next.data
  } else if (old instanceof HTMLElement && next instanceof HTMLElement && old.tagName === next.tagName) {
    for (const { name, value } of next.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value)
    morph(old, 0, next)
  } else {
    old.replaceWith(next)
  }
}
