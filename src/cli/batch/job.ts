/** One request of a job. */
export type JobLine = {
  /** Its `custom_id`. */
  id: string
  /** What a person knows it by: `input.jsonl:17`, or the path of a document. */
  label: string
  /** The line of the batch's input file, without a line end. */
  read(): Promise<Uint8Array>
}

/** Requests that belong together, answered by one batch, or by several one after another. */
export type Job = {
  /** What it is found by when the same command runs again. */
  digest: string
  endpoint: string
  /** The name of the files that are uploaded. */
  filename: string
  lines: readonly JobLine[]
}

/** A round of a job: one batch of it, as `metadata` of the batch says. */
export const metadataKeys = {
  job: 'claude_code_api_job',
  /** Everything since the last `--fresh`. */
  run: 'claude_code_api_run',
  /** From 1. */
  round: 'claude_code_api_round',
} as const
