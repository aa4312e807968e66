import { readFile } from 'node:fs/promises'
import { Deployment } from 'kubernetes-models/apps/v1'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1'
import { Service } from 'kubernetes-models/v1'
import { test } from 'tap'
import { parseAllDocuments } from 'yaml'
import { Config } from '../../plugins/config.ts'
import { build } from '../helper.ts'

/** Each resource by kind and name, in the order of the file. */
const resources = new Map(parseAllDocuments(await readFile('deploy/kubernetes.yaml', 'utf8'), { strict: true }).map(document => {
  const resource = document.toJS()
  return [`${resource.kind} ${resource.metadata.name}`, resource]
}))
const pod = (name: string) => resources.get(`Deployment ${name}`).spec.template
const container = (name: string) => pod(name).spec.containers[0]
const variables = (name: string) => new Map<string, string | undefined>(container(name).env.map(({ name, value }: { name: string, value?: string }) => [name, value]))

test('every resource fits the schema of its kind', async t => {
  const kinds = { Deployment, NetworkPolicy, PodDisruptionBudget, Service }
  for (const [name, resource] of resources) {
    const Kind = Object.entries(kinds).find(([kind]) => kind === resource.kind)?.[1]
    if (!Kind) throw new Error(`no schema for ${name}`)
    t.doesNotThrow(() => new Kind(resource).validate(), name)
  }
})

test('what selects pods selects those that there are', async t => {
  for (const name of ['gateway', 'copilot']) {
    const { labels } = pod(name).metadata
    t.strictSame(resources.get(`Deployment ${name}`).spec.selector.matchLabels, labels)
    t.strictSame(resources.get(`Service ${name}`).spec.selector, labels)
  }
  t.strictSame(resources.get('PodDisruptionBudget gateway').spec.selector.matchLabels, pod('gateway').metadata.labels)
  t.strictSame(resources.get('NetworkPolicy copilot').spec.podSelector.matchLabels, pod('copilot').metadata.labels)
})

test('probes ask for routes that there are, on the port that is listened on', async t => {
  const { app } = await build(t, { COPILOT_SERVICE_URL: 'http://127.0.0.1:9' })
  const { ports, startupProbe, readinessProbe, livenessProbe } = container('gateway')
  t.equal(ports[0].containerPort, app.config.PORT)
  for (const { httpGet: { path, port } } of [startupProbe, readinessProbe, livenessProbe]) {
    t.ok(app.hasRoute({ method: 'GET', url: path }), path)
    t.equal(port, ports[0].name)
  }
  t.equal(livenessProbe.httpGet.path, '/health/live', 'a gateway that drains lives')
  t.equal(variables('gateway').get('COPILOT_SERVICE_URL'), `http://copilot:${resources.get('Service copilot').spec.ports[0].port}`)
})

test('the gateway gets no variable that it does not know, and is told who may ask', async t => {
  t.strictSame([...variables('gateway').keys()].filter(name => !(name in Config.properties)), [])
  t.ok(variables('gateway').get('AUTH_MODE'))
})

test('a pod is not killed while it drains, and drains for longer than its readiness takes to be noticed', async t => {
  const { DRAIN_DELAY_MS: delay, DRAIN_TIMEOUT_MS: timeout } = Object.fromEntries(variables('gateway'))
  const { periodSeconds, failureThreshold } = container('gateway').readinessProbe
  t.ok(pod('gateway').spec.terminationGracePeriodSeconds * 1000 > Number(delay) + Number(timeout) + 10_000)
  t.ok(Number(delay) > periodSeconds * failureThreshold * 1000)
})

test('pods have no more rights than they need', async t => {
  for (const name of ['gateway', 'copilot']) {
    t.match(pod(name).spec, { automountServiceAccountToken: false, securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } } })
    t.match(container(name).securityContext, { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } })
  }
})
