/** Why a command cannot do what it was asked, in words for the person who asked: what is wrong, and what to do. */
export class CommandProblem extends Error {
  override name = 'CommandProblem'
}
