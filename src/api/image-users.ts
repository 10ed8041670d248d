/** Which containers use an image, for those who want to remove it. */
import type { Engine } from '../engine/port.ts'
import type { ImageUser } from '../images/port.ts'

export const usersOf =
  (engine: Engine) =>
  (imageId: string): readonly ImageUser[] =>
    engine
      .list()
      .filter(({ context }) => context.spec?.image.id === imageId)
      .map(({ id, state }) => ({ containerId: id, running: state.running }))
