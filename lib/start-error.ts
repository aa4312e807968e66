/** A reason not to start, for the operator to read: one line that names the setting and the rule, and no stack. */
export class StartError extends Error {
  constructor (message: string) {
    super(message)
    this.name = 'StartError'
    this.stack = `${this.name}: ${message}`
  }
}
