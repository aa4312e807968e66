import type { Environment, Sources } from './settings/collect.ts'
import type { CompanionConfig, CompanionServerConfig } from './settings/companion.ts'
import type { Config } from './settings/schema.ts'

/** Settings in code: the names and types of the schema. */
export type Settings = Partial<Config & CompanionConfig & CompanionServerConfig>

/** Where settings are from. */
export interface SettingsOptions {
  /** Count more than what is found elsewhere; checked by the same rules. */
  readonly settings?: Settings
  /** The variables to use, instead of those of {@link SettingsOptions.sources}. */
  readonly environment?: Environment
  /** Where to look for settings; default: the variables of the process, and `.env` in the working directory. */
  readonly sources?: Sources
}

/** Whether there is a page to try the gateway with. */
export interface PageOptions {
  /** False: no page, whatever `DEMO_PAGE` says. */
  readonly page?: boolean
  /** The directory of the built page; default: the one of this package. */
  readonly pageRoot?: string
}

/** What the gateway takes where an application registers it. */
export interface GatewayOptions extends SettingsOptions, PageOptions {}
