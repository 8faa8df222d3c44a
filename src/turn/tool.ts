/** A JSON Schema as the caller wrote it; never mended. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** A function of the caller's: the model may call it, the caller runs it. */
export type FunctionTool = {
  kind: 'function'
  name: string
  description?: string
  /** The arguments' schema; absent: no arguments. */
  parameters?: JsonSchema
  /** The request field that has the schema, for error messages; absent: where OpenAI's chat has it. */
  field?: string
  /** The arguments must obey the schema to the letter. */
  strict: boolean
}

/** A tool of the caller's that takes free text instead of JSON. */
export type CustomTool = {
  kind: 'custom'
  name: string
  description?: string
  /** A grammar that the text must follow, as the caller wrote it. */
  grammar?: { syntax: string; definition: string }
}

export type Tool = FunctionTool | CustomTool

/** Whether and which of the caller's tools must be called. */
export type ToolChoice =
  | { type: 'auto' }
  | { type: 'none' }
  /** At least one call, of any tool or of one of these. */
  | { type: 'required'; names?: string[] }
  /** Any or none of these. */
  | { type: 'allowed'; names: string[] }

/** What the answer's text must be. */
export type OutputFormat =
  | { type: 'text' }
  | { type: 'json-object' }
  | { type: 'json-schema'; name: string; schema: JsonSchema; strict: boolean }
