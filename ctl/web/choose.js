// Body of a function of Gradio's `element` and `trigger`: a button with data-… is chosen, and its data told.
// The choice shows at once; what the server sends later says the same.
element.addEventListener("click", event => {
  const button = event.target.closest("button[aria-pressed]");
  if (!button) return;
  const [name] = Object.keys(button.dataset);
  for (const each of element.querySelectorAll(`button[data-${name}]`))
    each.setAttribute("aria-pressed", String(each.dataset[name] === button.dataset[name]));
  trigger("select", {...button.dataset});
});
