// What Gradio 6.31 leaves out for screen readers, put in wherever it shows up on the page: a placeholder has a label but
// no role (axe: aria-prohibited-attr), a picture's button no name (button-name).
const mend = () => {
  document.querySelectorAll(".empty[aria-label]:not([role])").forEach(box => {
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", "Nothing to show yet");
  });
  document.querySelectorAll("#cam-strip button:not([aria-label])").forEach(button => {
    if (!button.innerText.trim()) button.setAttribute("aria-label", "Grad-CAM of the clip's frames");
  });
};
new MutationObserver(mend).observe(document.body, {childList: true, subtree: true});
