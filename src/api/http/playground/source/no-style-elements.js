// Stands in for react-style-singleton, which puts a <style> element into the page to stop it from scrolling behind a
// dialog. This page does not scroll, and without that element `style-src 'self'` is enough.
const Nothing = () => null;
export const styleSingleton = () => Nothing;
export const styleHookSingleton = () => Nothing;
export const stylesheetSingleton = () => ({ add() {}, remove() {} });
