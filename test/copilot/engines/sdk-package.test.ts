import { test } from 'tap'
import { requireSdk } from '../../../copilot/engines/sdk-package.ts'

test('an SDK that is not installed is named, with the command that installs it', async t => {
  t.throws(() => requireSdk('@github/no-such-sdk'), /npm install @github\/no-such-sdk/)
  t.doesNotThrow(() => requireSdk())
})
