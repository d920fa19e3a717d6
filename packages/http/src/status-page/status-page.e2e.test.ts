import { existsSync } from 'node:fs'

import { AxeBuilder } from '@axe-core/playwright'
import Fastify, { type FastifyInstance } from 'fastify'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { createEventBus, defineEvent, type EventBus, PermanentError } from 'tidings'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { statusPage } from './status-page.ts'

const candidates = [
  process.env.CHROMIUM_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
]
const executablePath = candidates.find((path) => path !== undefined && existsSync(path))
const missing = executablePath === undefined && process.env.CI !== 'true'

const BellRang = defineEvent('bell.rang', { key: (bell: unknown) => (bell as { bell: string }).bell })
const DoorOpened = defineEvent('door.opened', { key: (door: unknown) => (door as { bell: string }).bell })
const attack = '<img src=x onerror="document.title=\'taken\'"><script>document.title="taken"</script>'

describe('the status page in a browser', {
  skip: missing,
  meta: { notRun: 'no Chromium is installed; set CHROMIUM_PATH' },
}, () => {
  let browser: Browser
  let bus: EventBus
  let app: FastifyInstance
  let address: string
  let complaints: string[]

  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: executablePath ?? 'chromium',
      args: ['--no-sandbox', '--disable-gpu'],
    })
  })
  afterAll(() => browser.close())

  async function serve(rows: readonly (readonly string[])[] = []): Promise<void> {
    bus = await createEventBus({ url: 'memory:', source: '/house' })
    bus.subscribe(BellRang, { name: 'ear', onPoison: 'halt' }, async ({ data }, { publish }) => {
      if ((data as { fatal?: boolean }).fatal === true) throw new PermanentError('no')
      await publish(DoorOpened, data)
    })
    await bus.start()
    app = Fastify({ forceCloseConnections: true })
    await app.register(statusPage, {
      buses: [bus],
      title: 'House',
      empty: { text: 'Ring a bell:', command: 'curl {origin}/ring' },
      panels: [{ title: 'Visitors', columns: ['When', 'Who'], rows: () => rows, empty: 'Nobody yet.' }],
    })
    address = await app.listen({ port: 0, host: '127.0.0.1' })
  }
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close()
    await app.close()
    await bus.close()
  })

  async function open(options: BrowserContextOptions = {}, path = '/'): Promise<Page> {
    const page = await (await browser.newContext(options)).newPage()
    complaints = []
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(error.message))
    await page.goto(address + path)
    await page.locator('#state', { hasText: 'ready' }).waitFor()
    return page
  }

  it('tells what to do while there is nothing to see', async () => {
    await serve()
    const page = await open()
    await page.locator('#events', { hasText: `curl ${address}/ring` }).waitFor()
    await page.locator('#panels', { hasText: 'Nobody yet.' }).waitFor()
    expect(await page.locator('#subscriptions tbody tr').innerText()).toMatch(/ear.*bell\.rang/s)
    expect(complaints).toEqual([])
  })

  it('shows events as they happen, newest first, and holds still when asked to', async () => {
    await serve()
    const page = await open()
    await bus.publish(BellRang, { bell: 'front' }, { correlationId: 'visit-1' })
    await page.locator('tr.event').nth(1).waitFor()
    expect(await page.locator('tr.event td.type').allInnerTexts()).toEqual(['door.opened /house', 'bell.rang /house'])
    await page.getByRole('button', { name: 'Hold' }).click()
    await bus.publish(BellRang, { bell: 'back' })
    await page.locator('#facts', { hasText: /events\s*4/ }).waitFor()
    expect(await page.locator('tr.event').count()).toBe(2)
    await page.getByRole('button', { name: 'Go on' }).click()
    expect(await page.locator('tr.event').count()).toBe(4)
    await page.getByRole('searchbox').fill('FRONT')
    expect(await page.locator('tr.event').count()).toBe(2)
    await page.getByRole('searchbox').fill('nothing like it')
    expect(await page.locator('#events').innerText()).toContain('No event of the latest 4 matches')
  })

  it('opens the chain of a correlation at an address of its own, by keyboard as well', async () => {
    await serve()
    await bus.publish(BellRang, { bell: 'front' }, { correlationId: 'visit 1/ä' })
    const page = await open()
    await page.locator('.link', { hasText: 'visit 1/ä' }).first().focus()
    await page.keyboard.press('Enter')
    await page.locator('.steps li').nth(1).waitFor()
    expect(await page.locator('.steps li b').allInnerTexts()).toEqual(['bell.rang', 'door.opened'])
    const indents = await page
      .locator('.steps li')
      .evaluateAll((steps) => steps.map((step) => step.getBoundingClientRect().left))
    expect((indents[1] as number) - (indents[0] as number)).toBe(22)
    const { hash } = new URL(page.url())
    expect(decodeURIComponent(hash)).toBe('#chain=visit 1/ä')
    await page.keyboard.press('Escape')
    expect(await page.locator('#chain').isVisible()).toBe(false)
    expect(new URL(page.url()).hash).toBe('')
    const again = await open({}, `/${hash}`)
    await again.locator('.steps li').nth(1).waitFor()
    expect(complaints).toEqual([])
  })

  it('shows whatever an event or a panel holds as text', async () => {
    await serve([[attack, attack]])
    const page = await open()
    await bus.publish(BellRang, { bell: attack, note: attack }, { correlationId: attack })
    await page.locator('tr.event').nth(1).waitFor()
    await page.locator('tr.event .link').first().click()
    await page.locator('.steps li').nth(1).waitFor()
    expect(await page.locator('tr.event td.key').first().innerText()).toBe(attack)
    expect(await page.locator('#panels td').first().innerText()).toBe(attack)
    expect(await page.locator('img').count()).toBe(0)
    expect(await page.title()).toBe('House')
    expect(complaints).toEqual([])
  })

  it('runs no script that is not its own', async () => {
    await serve()
    const page = await open()
    // As text, for here is no browser whose types would be known.
    await page.evaluate(
      `document.body.append(Object.assign(document.createElement('script'), { textContent: 'document.title = "taken"' }))`,
    )
    expect(await page.title()).toBe('House')
    expect(complaints.join()).toContain('Content Security Policy')
  })

  it('says why the bus is not ready, and when it cannot be reached', async () => {
    await serve()
    bus.subscribe(BellRang, { name: 'shelf' }, () => {
      throw new PermanentError('no')
    })
    const page = await open()
    await bus.publish(BellRang, { bell: 'front', fatal: true })
    await page.locator('#state', { hasText: 'not ready' }).waitFor()
    expect(await page.locator('#reasons').innerText()).toBe('ear has halted at an event it cannot handle')
    expect(await page.locator('#subscriptions .tag').allInnerTexts()).toEqual(['halted', 'has parked events'])
    await app.close()
    await page.locator('#state', { hasText: 'connection lost' }).waitFor()
  })

  it.each([
    ['light', 1360],
    ['dark', 1360],
    ['light', 390],
    ['dark', 320],
  ] as const)(
    'is readable in %s at %i pixels: axe finds nothing, and nothing runs over the edge',
    async (colorScheme, width) => {
      await serve([['2030-01-01T00:00:00.000Z', `${'long'.repeat(40)}@example.com`]])
      await bus.publish(
        BellRang,
        { bell: 'k'.repeat(200), fatal: false, text: 'w'.repeat(600) },
        { correlationId: 'c'.repeat(300) },
      )
      const page = await open({ colorScheme, viewport: { width, height: 800 } })
      await page.locator('tr.event').nth(1).waitFor()
      const overflow = () =>
        page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
      const faults = async () =>
        (await new AxeBuilder({ page }).analyze()).violations.map(({ id, nodes }) => [
          id,
          nodes.map(({ html }) => html),
        ])
      expect(await overflow()).toBe(0)
      expect(await faults()).toEqual([])
      await page.locator('.link').first().click()
      await page.locator('.steps li').nth(1).waitFor()
      expect(await overflow()).toBe(0)
      expect(await faults()).toEqual([])
      const ground = await page.evaluate('getComputedStyle(document.body).backgroundColor')
      expect(ground).toBe(colorScheme === 'light' ? 'rgb(247, 247, 244)' : 'rgb(18, 21, 19)')
    },
  )
})
