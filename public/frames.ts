/** How much of a frame may be spent on work that can wait for the next one, in milliseconds. */
const BUDGET = 12
/** A hidden page gets no animation frames: after this time, in milliseconds, the work goes on without one. */
const WITHOUT_FRAMES = 250

const tasks = new Set<() => void>()
let scheduled = false

/**
 * Runs a task in one of the next animation frames. Tasks run oldest first, as many per frame as fit in {@link BUDGET}. A task with
 * more work than fits in a frame schedules itself again.
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
