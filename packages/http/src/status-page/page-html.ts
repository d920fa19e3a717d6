import { pageScript } from './page-script.ts'
import { pageStyle } from './page-style.ts'

export interface PageParts {
  readonly nonce: string
  readonly title: string
  readonly empty: { readonly text: string; readonly command?: string }
  /** Path under which the page stands, without a slash at its end. */
  readonly base: string
}

/** The page. It brings no data along but its settings; everything else arrives by the stream and is written as text. */
export function pageHtml({ nonce, title, empty, base }: PageParts): string {
  const settings = JSON.stringify({ base, empty }).replaceAll('<', '\\u003c')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='6' fill='%232a7f62'/%3E%3C/svg%3E">
<style nonce="${nonce}">${pageStyle}</style>
</head>
<body>
<header>
  <h1><span class="mark" aria-hidden="true"></span>${escapeHtml(title)}</h1>
  <p id="state" class="pill" role="status">connecting</p>
  <dl id="facts"></dl>
</header>
<ul id="reasons" class="reasons" hidden></ul>
<main>
  <section class="subscriptions" aria-labelledby="subscriptions-title">
    <h2 id="subscriptions-title">Subscriptions</h2>
    <div id="subscriptions"></div>
  </section>
  <section class="events" aria-labelledby="events-title">
    <div class="bar">
      <h2 id="events-title">Latest events</h2>
      <input id="filter" type="search" placeholder="Filter by type, key, correlation" aria-label="Filter events by type, key or correlation" autocomplete="off" spellcheck="false">
      <button id="hold" type="button" aria-pressed="false">Hold</button>
    </div>
    <div id="events"></div>
  </section>
  <div id="panels"></div>
</main>
<dialog id="chain" aria-labelledby="chain-title">
  <div class="bar">
    <h2 id="chain-title">Chain</h2>
    <button id="chain-close" type="button">Close</button>
  </div>
  <p id="chain-id" class="mono"></p>
  <div id="chain-events"></div>
</dialog>
<noscript><p class="empty">This page is live, so it needs JavaScript. Without it, ask <code>/health/ready</code> and <code>/metrics</code>.</p></noscript>
<script type="application/json" id="settings" nonce="${nonce}">${settings}</script>
<script nonce="${nonce}">${pageScript}</script>
</body>
</html>
`
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character)
}
