import type { Unit } from 'tidings/spi'

import type { Invariant } from '../facts.ts'
import type { World } from '../world.ts'

/** 16: whoever has lost a partition changes nothing of it any more: no checkpoint, no parked event, no mark, no effect. */
export function fencedOwners(world: World): Invariant {
  return {
    committed({ unit, by }) {
      if (by === 'operator') return
      for (const owner of ownersIn(unit)) {
        const fence = world.fences.get(owner)
        if (fence !== undefined && fence.by !== by) world.fail(16, `${by} has changed ${owner}, which ${fence.by} owns`)
      }
    },
    conflicted({ collection }) {
      if (collection === 'fences') world.sometimes('a former owner was refused')
    },
  }
}

function ownersIn(unit: Unit): Set<string> {
  const owners = new Set<string>()
  for (const change of unit.documents ?? []) {
    if (change.collection === 'checkpoints') owners.add(change.id)
    if (change.collection === 'marks') owners.add(change.id.slice(0, change.id.lastIndexOf('/')))
    if (change.collection === 'parked' && 'put' in change) owners.add(String(change.index?.['owner']))
    if (change.collection === 'effects' || change.collection === 'requests') {
      const fence = unit.expect?.find(
        (expectation) => 'collection' in expectation && expectation.collection === 'fences',
      )
      if (fence === undefined) owners.add('nobody')
    }
  }
  return owners
}
