import { commitPlaces } from 'tidings/testing'

const crashes = commitPlaces
  .filter((place) => place !== 'mark' && place !== 'register')
  .flatMap((place) => [`an instance ended by crash before ${place}`, `an instance ended by crash after ${place}`])

/** What any few hundred worlds must have been in at some time. */
export const commonStates: readonly string[] = [
  'a breaker let a probe through',
  'a breaker opened',
  'a dependency was away',
  'a former owner was refused',
  'a full partition had room again',
  'a late handler was refused',
  'a partition was full',
  'a partition was taken over',
  'a publisher insisted',
  'a publisher learned of a duplicate',
  'a request was answered',
  'a stored event was damaged',
  'a successor was parked behind',
  'a wall clock jumped',
  'an effect was taken from its record',
  'an event became a dead letter',
  'an event failed again after it was run again',
  'an event was parked with a due time',
  'an expected version was beaten',
  'an instance crashed',
  'an instance stood still',
  'an instance was deployed anew',
  'an operator asked to drop',
  'an operator asked to redrive',
  'damage was found',
  'the store was away',
  'two streams were at work while another was blocked',
]

/**
 * What a thousand worlds must have been in. A promise that is kept proves little where nothing tempts to break it; these lists prove that the
 * temptations were there.
 */
export const statesToReach: readonly string[] = [
  ...commonStates,
  'a breaker gave attempts back',
  'a window was over and the content was stored again',
  ...crashes,
]
