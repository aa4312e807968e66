/** Something that takes room, which is charged to its owner. */
export interface Tenant {
  readonly owner: string
  /** How many readers it has now. */
  readonly readers: number
  /** How much room it has taken. Only {@link Room} sets it. */
  charge: number
}

/** What one owner has, oldest first. */
interface Account<T> {
  cost: number
  /** Tenants that are finished and may be evicted. */
  readonly finished: Set<T>
  /** Tenants that are still being written. */
  readonly live: Set<T>
}

/**
 * A bounded amount of room that owners share fairly. The fair share is the capacity divided by the number of owners that have any
 * room. When a tenant takes more than is free, others are evicted in this order: finished tenants of owners over their share;
 * the largest tenants of those owners, in progress or not; last, finished tenants of owners within their share. The last two are
 * evicted only for a taker that is itself within its share.
 */
export class Room<T extends Tenant> {
  readonly #capacity: number
  readonly #evict: (tenant: T) => void
  readonly #accounts = new Map<string, Account<T>>()
  #taken = 0

  /** `evict` has to {@link give} back what room of a tenant it can, and call {@link leave}. */
  constructor (capacity: number, evict: (tenant: T) => void) {
    this.#capacity = capacity
    this.#evict = evict
  }

  /** How much is taken. */
  get taken (): number { return this.#taken }

  /** Registers a new tenant, which may then take room. */
  enter (tenant: T): void {
    this.#accountOf(tenant).live.add(tenant)
  }

  /** Reserves room for a tenant; false when there is not enough, even after evicting others. */
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

  /** Releases room that a tenant has taken. */
  give (tenant: T, amount: number): void {
    this.#charge(tenant, -amount)
    this.#tidy(tenant)
  }

  /** Marks a tenant as finished: it may be evicted when others need its room. */
  finish (tenant: T): void {
    const { live, finished } = this.#accountOf(tenant)
    live.delete(tenant)
    finished.add(tenant)
  }

  /** Removes a tenant, which gets no more room. Room that it has not given back still counts. */
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
    // Owners that are furthest over the share come first.
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

/** The oldest finished tenant without a reader: evicting one that is being read would free no room. */
function unread<T extends Tenant> ({ finished }: Account<T>): T | undefined {
  for (const tenant of finished) if (tenant.readers === 0 && tenant.charge > 0) return tenant
  return undefined
}

/** The tenant with the most room. */
function largest<T extends Tenant> ({ live, finished }: Account<T>): T | undefined {
  let found: T | undefined
  for (const tenant of [...live, ...finished]) if (tenant.charge > (found?.charge ?? 0)) found = tenant
  return found
}
