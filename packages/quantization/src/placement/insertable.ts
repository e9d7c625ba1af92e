import { isOpen, type GraphView } from './graph-view.ts';
import { resultOf, type Place, type Placement } from './propagate.ts';

/** Placements that can be carried out, and the places that cannot. */
export interface Insertable {
  readonly insertable: readonly Placement[];
  readonly uninsertable: readonly Place[];
}

/**
 * Takes away places at which nothing can be inserted. Where one operand of several is closed, the quantizer stands at the result that they read,
 * if it is there for all of them.
 */
export function keepInsertable(view: GraphView, placements: readonly Placement[]): Insertable {
  const moved = placements.map((placement) => atOpenResult(view, placement));
  const canInsert = ({ node, side }: Place): boolean => isOpen(view, node, side ?? 'operand');
  const insertable = moved.map((placement) => ({ ...placement, places: placement.places.filter(canInsert) }));
  return {
    insertable: insertable.filter(({ places }) => places.length > 0),
    uninsertable: moved.flatMap(({ places }) => places.filter((place) => !canInsert(place))),
  };
}

function atOpenResult(view: GraphView, placement: Placement): Placement {
  const { value, places } = placement;
  const isClosed = places.some(({ node, side }) => !isOpen(view, node, side ?? 'operand'));
  const servesAll = !view.isOutput(value) && places.length === view.readers(value).length;
  const result = isClosed && servesAll ? resultOf(view, value) : [];
  return result.length === 0 ? placement : { ...placement, places: result };
}
