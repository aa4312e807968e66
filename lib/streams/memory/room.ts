/** Something that takes room, on somebody's account. */
export interface Tenant {
  readonly owner: string
  /** How many read it now. */
  readonly readers: number
  /** How much room it has taken. The {@link Room} alone sets it. */
  charge: number
}

/** What one owner has, oldest first. */
interface Account<T> {
  cost: number
  /** What is over, and may go. */
  readonly finished: Set<T>
  /** What is still being written. */
  readonly live: Set<T>
}

/**
 * A bounded amount of room, and who has how much of it. Who takes more than is free takes it from those that are over their
 * fair share, which is the capacity divided by the owners that have any: from what is finished first, and, for somebody who is
 * not over the share, from what is still being written. What is finished and others may keep goes last, and never for
 * somebody who is over the share.
 */
export class Room<T extends Tenant> {
  readonly #capacity: number
  readonly #evict: (tenant: T) => void
  readonly #accounts = new Map<string, Account<T>>()
  #taken = 0

  /** `evict` is to give back what a tenant can, and to have it {@link leave}. */
  constructor (capacity: number, evict: (tenant: T) => void) {
    this.#capacity = capacity
    this.#evict = evict
  }

  /** How much is taken. */
  get taken (): number { return this.#taken }

  /** Lets a new tenant in, which may take room then. */
  enter (tenant: T): void {
    this.#accountOf(tenant).live.add(tenant)
  }

  /** Takes room for a tenant; false when there is none, even if others go. */
  take (tenant: T, amount: number): boolean {
    const account = this.#accountOf(tenant)
    while (this.#taken + amount > this.#capacity) {
      const victim = this.#victim(account, amount)
      if (!victim) return false
      this.#evict(victim)
    }
    this.#charge(tenant, amount)
    return true
  }

  /** Gives back room that a tenant has taken. */
  give (tenant: T, amount: number): void {
    this.#charge(tenant, -amount)
    this.#tidy(tenant)
  }

  /** A tenant is finished: it may go when others need its room. */
  finish (tenant: T): void {
    const { live, finished } = this.#accountOf(tenant)
    live.delete(tenant)
    finished.add(tenant)
  }

  /** A tenant gets no more room; what it does not give back yet counts on. */
  leave (tenant: T): void {
    const { live, finished } = this.#accountOf(tenant)
    live.delete(tenant)
    finished.delete(tenant)
    this.#tidy(tenant)
  }

  /** The unfinished tenants of an owner, oldest first. */
  live (owner: string): readonly T[] {
    return [...this.#accounts.get(owner)?.live ?? []]
  }

  #charge (tenant: T, amount: number): void {
    tenant.charge += amount
    this.#accountOf(tenant).cost += amount
    this.#taken += amount
  }

  #victim (taker: Account<T>, amount: number): T | undefined {
    const share = this.#capacity / this.#accounts.size
    const costOf = (account: Account<T>): number => account.cost + (account === taker ? amount : 0)
    // Whoever is furthest over the share first.
    const accounts = [...this.#accounts.values()].sort((a, b) => costOf(b) - costOf(a))
    const over = accounts.filter(account => costOf(account) > share)
    const greedy = over.includes(taker)
    return first(over, unread) ?? (greedy ? undefined : first(over, largest) ?? first(accounts, unread))
  }

  #accountOf ({ owner }: Tenant): Account<T> {
    const account = this.#accounts.get(owner) ?? { cost: 0, finished: new Set(), live: new Set() }
    this.#accounts.set(owner, account)
    return account
  }

  #tidy ({ owner }: Tenant): void {
    const { cost, live, finished } = this.#accountOf({ owner, readers: 0, charge: 0 })
    if (cost === 0 && live.size + finished.size === 0) this.#accounts.delete(owner)
  }
}

function first<T> (accounts: ReadonlyArray<Account<T>>, choose: (account: Account<T>) => T | undefined): T | undefined {
  for (const account of accounts) {
    const found = choose(account)
    if (found) return found
  }
  return undefined
}

/** The oldest that is finished, and that nobody reads: who reads it would keep its room. */
function unread<T extends Tenant> ({ finished }: Account<T>): T | undefined {
  for (const tenant of finished) if (tenant.readers === 0 && tenant.charge > 0) return tenant
  return undefined
}

/** Whichever has the most room. */
function largest<T extends Tenant> ({ live, finished }: Account<T>): T | undefined {
  let found: T | undefined
  for (const tenant of [...live, ...finished]) if (tenant.charge > (found?.charge ?? 0)) found = tenant
  return found
}
