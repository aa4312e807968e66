import { test } from 'tap'
import { misspeltSettings } from '../../../lib/settings/misspelt.ts'

const known = ['HOST', 'PORT', 'AUTH_MODE', 'API_KEYS', 'JWT_SECRET', 'COPILOT_SERVICE_URL', 'COPILOT_MODEL', 'TRUST_PROXY']

test('a name that is a letter or two off is found, whatever was done to it', async t => {
  for (const [name, meant] of [
    ['AUTH_MOD', 'AUTH_MODE'], ['AUTHMODE', 'AUTH_MODE'], ['AUTH_MODDE', 'AUTH_MODE'], ['AUHT_MODE', 'AUTH_MODE'], ['auth_mode', 'AUTH_MODE'], ['AUTH-MODE', 'AUTH_MODE'], ['API_KEY', 'API_KEYS'], ['APIKEY', 'API_KEYS'],
    ['COPILOT_SERVICE_ULR', 'COPILOT_SERVICE_URL'], ['COPILOT_SERVCE_UR', 'COPILOT_SERVICE_URL'], ['PROT', 'PORT'], ['PORTS', 'PORT'], ['HOTS', 'HOST'], ['TRUST_PROX', 'TRUST_PROXY'], ['\ufeffAUTH_MODE', 'AUTH_MODE']
  ] as const) t.strictSame(misspeltSettings([name], known), [[name, meant]], name)
})

test('settings, what processes have, and what is further off are left alone', async t => {
  t.strictSame(misspeltSettings([...known, 'HOME', 'PATH', 'TERM', 'LANG', 'SHELL', 'USER', 'PWD', 'HOSTNAME', 'NODE_ENV', 'PROD', 'ROOT', 'DIST', 'npm_config_port', 'COPILOT_SERVICE_PORT', 'A', ''], known), [])
})
