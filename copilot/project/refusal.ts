/** A request of the model that a tool refuses. Its message is for the model and for the reader, and says nothing about the machine. */
export class Refusal extends Error {
  /** The message of the refusal begins with "Refused: ". */
  constructor (reason: string) {
    super(`Refused: ${reason}`)
    this.name = 'Refusal'
  }
}
