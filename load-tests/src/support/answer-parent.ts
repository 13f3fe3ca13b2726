/** In a child process of a benchmark: answers each message of the parent, which `ask`s one at a time. */
export function answerParent<Command>(perform: (command: Command) => unknown): void {
  process.on('message', async (command: Command) => {
    try {
      process.send!(await perform(command))
    } catch (error) {
      console.error(error)
      process.exit(1)
    }
  })
}
