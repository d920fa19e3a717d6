// #region use
import { createEventBus, defineEvent } from 'tidings'

import { journal } from './journal-store.ts'

const NoteTaken = defineEvent('note.taken')

const bus = await createEventBus({ store: journal('./notes.jsonl') })
const { durability, position } = await bus.publish(NoteTaken, { text: 'it works' })
console.log(`position ${position}, durability '${durability}'`)
await bus.close()
// #endregion use
