/** How much of a frame may be spent on work that can wait for the next one, in milliseconds. */
const BUDGET = 12
/** A page that nobody sees has no frames; its work goes on all the same. */
const WITHOUT_FRAMES = 250

const tasks = new Set<() => void>()
let scheduled = false

/**
 * Runs a task before one of the next frames, the oldest first, as many in a frame as there is time for. A task with more to
 * do than a frame takes calls this for itself again.
 */
export function soon (task: () => void): void {
  tasks.add(task)
  if (scheduled) return
  scheduled = true
  const frame = requestAnimationFrame(run)
  const timer = setTimeout(run, WITHOUT_FRAMES)
  function run (): void {
    cancelAnimationFrame(frame)
    clearTimeout(timer)
    scheduled = false
    const end = performance.now() + BUDGET
    for (const task of tasks) {
      tasks.delete(task)
      task()
      if (performance.now() > end) break
    }
    const [left] = tasks
    if (left) soon(left)
  }
}
