import type { Telemetry } from './events.ts'
import type { Metrics } from './metrics.ts'

/** Metrics whose library takes time to load: the server listens before it is there, and what happens until then is counted afterwards. */
export interface LaterMetrics {
  readonly telemetry: Telemetry
  /** Loads them once; everybody who asks has the same. */
  load(): Promise<Metrics>
}

type Tell = (telemetry: Telemetry) => void

export function laterMetrics(): LaterMetrics {
  let waiting: Tell[] | undefined = []
  let telemetry: Telemetry | undefined
  let loading: Promise<Metrics> | undefined
  const tell = (event: Tell): void => {
    if (telemetry) event(telemetry)
    else waiting?.push(event)
  }
  const loadNow = async (): Promise<Metrics> => {
    const { createMetrics } = await import('./metrics.ts')
    const metrics = createMetrics()
    telemetry = metrics.telemetry
    for (const event of waiting ?? []) event(telemetry)
    waiting = undefined
    return metrics
  }
  return {
    telemetry: {
      serverStarted: (event) => tell((to) => to.serverStarted(event)),
      serverStopped: (event) => tell((to) => to.serverStopped(event)),
      requestFinished: (event) => tell((to) => to.requestFinished(event)),
      providerSwitched: (event) => tell((to) => to.providerSwitched(event)),
      providerState: (event) => tell((to) => to.providerState(event)),
      webhookTried: (event) => tell((to) => to.webhookTried(event)),
      processStarted: (event) => tell((to) => to.processStarted(event)),
      processEnded: (event) => tell((to) => to.processEnded(event)),
      warning: (text) => tell((to) => to.warning(text)),
      fault: (error, id) => tell((to) => to.fault(error, id)),
    },
    load: () => (loading ??= loadNow()),
  }
}
