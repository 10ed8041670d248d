/** How a layer on disk says that files of the layers below are not seen: overlayfs in the kernel's documentation. */
import { type BigIntStats, constants } from 'node:fs'
import { attributeOf } from '../kernel/xattr.ts'
import { pathOf } from './inode.ts'

/** A character device 0/0 hides the file of its name. */
export const isWhiteoutNode = ({ mode, rdev }: BigIntStats): boolean =>
  (Number(mode) & constants.S_IFMT) === constants.S_IFCHR && rdev === 0n

/** Nothing of the layers below is seen in that directory. */
export const isOpaque = (fd: number): boolean =>
  attributeOf(`${pathOf(fd)}/.`, 'trusted.overlay.opaque')?.toString() === 'y'
