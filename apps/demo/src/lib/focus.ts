/**
 * Where the keyboard is now. The result brings it back there. Where that place is gone, and nobody uses a touch screen, it
 * goes to the message that it was at, or to the composer.
 */
export function rememberFocus(): () => void {
  const { activeElement } = document
  const message = activeElement?.closest('.message')
  return () => {
    const places = [activeElement, ...(isTouched() ? [] : [message, composer()])]
    const place = places.find(isThere)
    if (place instanceof HTMLElement) place.focus({ preventScroll: true })
  }
}

/** For what takes the keyboard and goes: somebody else may have it meanwhile. */
export const isFocusLost = (): boolean =>
  document.activeElement === null || document.activeElement === document.body

const isThere = (element: Element | null | undefined): boolean =>
  element?.isConnected === true && element !== document.body

const composer = (): Element | null => document.querySelector('.room .composer textarea')

const isTouched = (): boolean => !matchMedia('(pointer: fine)').matches
