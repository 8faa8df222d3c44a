import type { Telemetry } from './events.ts'

/** Each event to all of them, in order. */
export function all(...listeners: readonly Telemetry[]): Telemetry {
  return {
    serverStarted: (event) => listeners.forEach((one) => one.serverStarted(event)),
    serverStopped: (event) => listeners.forEach((one) => one.serverStopped(event)),
    requestFinished: (event) => listeners.forEach((one) => one.requestFinished(event)),
    providerSwitched: (event) => listeners.forEach((one) => one.providerSwitched(event)),
    providerState: (event) => listeners.forEach((one) => one.providerState(event)),
    webhookTried: (event) => listeners.forEach((one) => one.webhookTried(event)),
    processStarted: (event) => listeners.forEach((one) => one.processStarted(event)),
    processEnded: (event) => listeners.forEach((one) => one.processEnded(event)),
    warning: (text) => listeners.forEach((one) => one.warning(text)),
    fault: (error, id) => listeners.forEach((one) => one.fault(error, id)),
  }
}
