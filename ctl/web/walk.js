// The tour: a button leads to a stop. The focus stays with the button that leads on, so that Enter goes on.
element.addEventListener("click", event => {
  const button = event.target.closest("button[data-stop]");
  if (button) trigger("select", {stop: Number(button.dataset.stop)});
});
watch("value", () => element.querySelector("button:last-of-type")?.focus({preventScroll: true}));
