/** What runs in the browser. Everything that comes from elsewhere becomes text nodes; nothing is ever parsed as HTML. */
export const pageScript: string = String.raw`
'use strict'
const settings = JSON.parse(document.getElementById('settings').textContent)
const at = (id) => document.getElementById(id)
const most = 200
let events = []
let state
let held = false
let shown = new Set()

function make(tag, properties, ...children) {
  const node = document.createElement(tag)
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === undefined) continue
    if (name === 'on') for (const [event, run] of Object.entries(value)) node.addEventListener(event, run)
    else if (name === 'class') node.className = value
    else node.setAttribute(name, value)
  }
  for (const child of children) if (child !== undefined) node.append(child)
  return node
}
const cell = (className, label, ...children) => make('td', { class: className, 'data-label': label }, ...children)
const number = (label, value, loud) =>
  cell('number' + (value === 0 ? ' zero' : '') + (loud ? ' loud' : ''), label, value === undefined ? '–' : value.toLocaleString('en'))
const tag = (text, kind) => make('span', { class: 'tag' + (kind ? ' ' + kind : '') }, text)
function table(columns, rows) {
  const head = make('tr', {}, ...columns.map(([title, kind]) => make('th', { class: kind, scope: 'col' }, title)))
  return make('table', {}, make('thead', {}, head), make('tbody', {}, ...rows))
}
function empty(text, command) {
  return make('div', { class: 'empty' }, make('p', {}, text), command === undefined ? undefined : make('pre', {}, command.replaceAll('{origin}', location.origin)))
}

function drawState() {
  const stores = state.buses[0].store
  const reasons = state.buses.flatMap(reasonsOf)
  const pill = at('state')
  const ready = reasons.length === 0
  pill.textContent = ready ? 'ready' : 'not ready'
  pill.className = 'pill ' + (ready ? 'good' : 'bad')
  at('reasons').hidden = ready
  at('reasons').replaceChildren(...reasons.map((reason) => make('li', {}, reason)))
  const subscriptions = state.buses.flatMap((bus) => bus.subscriptions.map((subscription) => ({ ...subscription, source: bus.source })))
  const parked = subscriptions.reduce((sum, one) => sum + one.parked, 0)
  const facts = [
    ['store', stores.name],
    ['events', stores.reachable ? stores.head.toLocaleString('en') : '–'],
    ['buses', String(state.buses.length)],
    ['parked', parked.toLocaleString('en')],
  ]
  at('facts').replaceChildren(...facts.map(([name, value]) => make('div', {}, make('dt', {}, name), make('dd', {}, value))))
  drawSubscriptions(subscriptions)
  drawPanels()
}
function reasonsOf(bus) {
  const reasons = []
  if (bus.phase !== 'started') reasons.push(bus.source + ': the bus is ' + bus.phase)
  if (!bus.store.reachable) reasons.push(bus.source + ': the ' + bus.store.name + ' store is away (' + bus.store.code + ')')
  for (const one of bus.subscriptions) {
    if (one.paused.includes('halted')) reasons.push(one.name + ' has halted at an event it cannot handle')
    if (one.paused.includes('ended')) reasons.push(one.name + ' hears nothing any more: its transport has given up')
    if (one.paused.includes('unhealthy')) reasons.push(one.name + ' says it is not well')
  }
  return reasons
}
function drawSubscriptions(subscriptions) {
  if (subscriptions.length === 0) {
    at('subscriptions').replaceChildren(empty('Nothing subscribes yet. Call bus.subscribe, then bus.start.'))
    return
  }
  const columns = [['Name'], ['Hears'], ['Lag', 'number'], ['Running', 'number'], ['Parked', 'number'], ['State']]
  at('subscriptions').replaceChildren(table(columns, subscriptions.map((one) => make('tr', {},
    cell('type name', undefined, one.name, ' ', make('span', { class: 'from' }, one.source)),
    cell('text mono hears', undefined, one.types.join(', ')),
    number('lag', one.lag, one.lag > 1000),
    number('running', one.running),
    number('parked', one.parked, one.parked > 0),
    cell('state', undefined, tagOf(one)),
  ))))
}
function tagOf(one) {
  if (one.paused.includes('halted')) return tag('halted', 'bad')
  if (one.paused.length > 0) return tag(one.paused.join(', '), 'warn')
  if (one.breaker !== 'closed') return tag('breaker ' + one.breaker, 'warn')
  if (!one.started) return tag('not started', 'warn')
  if (one.parked > 0) return tag('has parked events', 'warn')
  return tag('well')
}
function drawPanels() {
  at('panels').replaceChildren(...state.panels.map((panel, index) => make('section', { 'aria-labelledby': 'panel-' + index },
    make('h2', { id: 'panel-' + index }, panel.title),
    panel.rows.length === 0
      ? empty(panel.empty)
      : table(panel.columns.map((title) => [title]), panel.rows.map((row) => make('tr', {}, ...row.map((text, column) => cell(column === 0 ? 'time' : 'text', undefined, text))))),
  )))
}

function drawEvents() {
  const wanted = at('filter').value.trim().toLowerCase()
  const rows = events.filter((event) => wanted === '' || [event.type, event.key, event.correlation, event.source].some((text) => text.toLowerCase().includes(wanted)))
  if (rows.length === 0) {
    at('events').replaceChildren(events.length === 0 ? empty(settings.empty.text, settings.empty.command) : empty('No event of the latest ' + events.length + ' matches the filter.'))
    return
  }
  const seen = new Set()
  const drawn = rows.toReversed().map((event) => {
    seen.add(event.id)
    const fresh = shown.size > 0 && !shown.has(event.id)
    return make('tr', { class: fresh ? 'event fresh' : 'event' },
      cell('time', undefined, make('time', { datetime: event.time, title: event.time }, clock(event.time))),
      cell('type', undefined, event.type, ' ', make('span', { class: 'from' }, event.source)),
      make('td', { class: 'key', title: event.key }, short(event.key)),
      cell('', undefined, make('button', { class: 'link', type: 'button', title: 'Show the chain of ' + event.correlation, on: { click: () => openChain(event.correlation) } }, short(event.correlation))),
      make('td', { class: 'data', title: event.data }, event.data),
    )
  })
  shown = seen
  at('events').replaceChildren(table([['Time'], ['Type'], ['Key'], ['Correlation'], ['Data']], drawn))
}
// Ids that ascend with time differ at their end.
const short = (id) => (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) ? id.slice(0, 4) + '…' + id.slice(-12) : id)
function clock(text) {
  const time = new Date(text)
  const two = (value) => String(value).padStart(2, '0')
  return two(time.getHours()) + ':' + two(time.getMinutes()) + ':' + two(time.getSeconds()) + '.' + String(time.getMilliseconds()).padStart(3, '0')
}

let chainShown
function openChain(correlation) {
  if (location.hash !== '#chain=' + encodeURIComponent(correlation)) location.hash = 'chain=' + encodeURIComponent(correlation)
  else void showChain(correlation)
}
async function showChain(correlation) {
  chainShown = correlation
  at('chain-id').textContent = correlation
  const dialog = at('chain')
  if (!dialog.open) {
    at('chain-events').replaceChildren(make('p', { class: 'empty' }, 'Looking …'))
    dialog.showModal()
  }
  try {
    const answer = await fetch(settings.base + '/status/chain?correlation=' + encodeURIComponent(correlation))
    if (!answer.ok) throw new Error('The server answered ' + answer.status)
    const { events: chain } = await answer.json()
    if (chainShown === correlation) drawChain(chain)
  } catch (error) {
    at('chain-events').replaceChildren(make('p', { class: 'empty' }, 'The chain cannot be shown: ' + error.message))
  }
}
function drawChain(chain) {
  at('chain-title').textContent = chain.length === 1 ? 'Chain of 1 event' : 'Chain of ' + chain.length + ' events'
  if (chain.length === 0) {
    at('chain-events').replaceChildren(make('p', { class: 'empty' }, 'No event carries this correlation id.'))
    return
  }
  const start = Date.parse(chain[0].time)
  const span = Math.max(1, ...chain.map((event) => Date.parse(event.time) - start))
  const depths = new Map()
  const steps = chain.map((event) => {
    const depth = Math.min(12, depths.has(event.causation) ? depths.get(event.causation) + 1 : 0)
    depths.set(event.id, depth)
    const late = Date.parse(event.time) - start
    const dot = make('i')
    dot.style.left = (late / span) * 100 + '%'
    const step = make('li', {},
      make('div', { class: 'step' }, make('b', {}, event.type), make('span', { class: 'from mono' }, event.source + ' ' + event.key), make('span', { class: 'at' }, late === 0 ? clock(event.time) : '+' + late.toLocaleString('en') + ' ms')),
      make('div', { class: 'track', 'aria-hidden': 'true' }, dot),
      make('div', { class: 'data' }, event.data),
    )
    step.style.setProperty('--depth', String(depth))
    return step
  })
  at('chain-events').replaceChildren(make('ol', { class: 'steps' }, ...steps))
}
function followHash() {
  const match = /^#chain=(.+)$/.exec(location.hash)
  if (match) void showChain(decodeURIComponent(match[1]))
  else if (at('chain').open) at('chain').close()
}

at('chain-close').addEventListener('click', () => at('chain').close())
at('chain').addEventListener('click', (event) => { if (event.target === at('chain')) at('chain').close() })
at('chain').addEventListener('close', () => {
  chainShown = undefined
  if (location.hash !== '') history.pushState(null, '', location.pathname + location.search)
})
addEventListener('hashchange', followHash)
at('filter').addEventListener('input', drawEvents)
at('hold').addEventListener('click', () => {
  held = !held
  at('hold').setAttribute('aria-pressed', String(held))
  at('hold').textContent = held ? 'Go on' : 'Hold'
  if (!held) drawEvents()
})

const stream = new EventSource(settings.base + '/status/stream')
stream.addEventListener('hello', (message) => {
  const hello = JSON.parse(message.data)
  told = ''
  state = hello.state
  events = hello.events
  drawState()
  drawEvents()
})
let told = ''
stream.addEventListener('state', (message) => {
  // Drawing what has not changed would take away what the reader has selected.
  if (message.data === told) return
  told = message.data
  state = JSON.parse(told)
  drawState()
})
stream.addEventListener('events', (message) => {
  events = events.concat(JSON.parse(message.data)).slice(-most)
  if (!held) drawEvents()
  if (chainShown !== undefined && events.some((event) => event.correlation === chainShown)) void showChain(chainShown)
})
stream.addEventListener('error', () => {
  at('state').textContent = 'connection lost, trying again'
  at('state').className = 'pill'
})
followHash()
`
