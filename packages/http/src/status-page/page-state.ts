import { type BusStatus, busStatus, type EventBus } from 'tidings'

/** A table of the application's own on the status page, newest row first. */
export interface Panel {
  readonly title: string
  readonly columns: readonly string[]
  /** As many cells as columns. Shown as text. At most 50 rows are shown. */
  readonly rows: () => readonly (readonly string[])[] | Promise<readonly (readonly string[])[]>
  /** What to do so that there is something to see. */
  readonly empty: string
}

/** What the page shows beside events. */
export interface PageState {
  readonly buses: readonly BusStatus[]
  readonly panels: readonly {
    readonly title: string
    readonly columns: readonly string[]
    readonly rows: readonly (readonly string[])[]
    readonly empty: string
  }[]
}

const mostRows = 50

export async function pageState(buses: readonly EventBus[], panels: readonly Panel[]): Promise<PageState> {
  const [statuses, tables] = await Promise.all([
    Promise.all(buses.map((bus) => busStatus(bus))),
    Promise.all(
      panels.map(async ({ title, columns, rows, empty }) => ({
        title,
        columns,
        empty,
        rows: (await rows()).slice(0, mostRows),
      })),
    ),
  ])
  return { buses: statuses, panels: tables }
}
