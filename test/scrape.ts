/** One line of a scrape. */
export interface Sample { readonly name: string, readonly labels: Readonly<Record<string, string>>, readonly value: number }

/** What `/metrics` says: its text, and the samples in it. */
export class Scrape {
  readonly text: string
  readonly samples: readonly Sample[]

  constructor (text: string) {
    this.text = text
    this.samples = text.split('\n').filter(line => line && !line.startsWith('#')).map(line => {
      const [, name = '', labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
      return { name, labels: Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, text]) => [key, text])), value: Number(value) }
    })
  }

  /**
   * The gateway's own counters that have counted something: `{route="/api/chat",status="200"}` by the name before it, and so on. Without
   * the URLs of services, whose ports are others each time.
   */
  counted (name: string): Record<string, number> {
    const counted = this.samples.filter(sample => sample.name === name && sample.value !== 0)
    return Object.fromEntries(counted.map(({ labels, value }) => [Object.entries(labels).flatMap(([name, label]) => name === 'upstream' ? [] : [label]).join(' '), value]))
  }

  /** The value of a metric without labels. */
  value (name: string): number | undefined {
    return this.samples.find(sample => sample.name === name && Object.keys(sample.labels).length === 0)?.value
  }
}

/** Scrapes a gateway, or a listener of `METRICS_PORT`. */
export async function scrape (url: string, token?: string): Promise<Scrape> {
  const response = await fetch(`${url}/metrics`, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`)
  return new Scrape(await response.text())
}
