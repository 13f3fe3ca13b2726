import type demo from './demo.config.ts'

type Entities = (typeof demo)['~entities']

/** A command that somebody of the simulated world sends. */
export type DemoCommand = {
  [Name in keyof Entities]: {
    [Command in keyof Entities[Name]['commands']]: {
      readonly entity: Name
      readonly key: string
      readonly command: Command
      readonly input: Entities[Name]['commands'][Command]
    }
  }[keyof Entities[Name]['commands']]
}[keyof Entities]
