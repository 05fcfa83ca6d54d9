"""The visitor's own gallery, at the end of the Gallery tab: enrol, rename, remove, search by name, export, import."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from ctl.enrol.clips import to_record
from ctl.errors import InputError
from ctl.gallery import Gallery, OnClash, merge, read_bundle, require_weights, write_bundle
from ctl.web import text
from ctl.web.queues import COMPARING, DRAWING
from ctl.web.tabs.common import Selection, Values, Visit, pairs, shown_person, told_to_the_visitor


@dataclass(frozen=True, eq=False)
class OwnGallery:
    """What the visitor enrolled, and what can be done with it."""

    name: gr.Textbox
    camera: gr.Textbox
    enrol: gr.Button
    shelf: gr.Dataframe
    marked: gr.Dropdown
    new_name: gr.Textbox
    new_camera: gr.Textbox
    rename: gr.Button
    remove: gr.Button
    export: gr.Button
    exported: gr.File
    bundle: gr.File
    on_clash: gr.Radio
    take: gr.Button


def lay_out(kept: bool) -> OwnGallery:
    """`kept`: whether what is enrolled stays on disk."""
    with gr.Accordion("Your gallery", open=False, elem_id="own-gallery"):
        gr.HTML(text.hints(text.EXPLAIN_KEPT) if kept else text.line(text.EXPLAIN_OWN, text.EXPLAIN_EXPORT))
        with gr.Row(equal_height=False):
            name = gr.Textbox(label="Name", max_lines=1, max_length=100, min_width=140, elem_id="enrol-name")
            camera = gr.Textbox(label="Camera", max_lines=1, max_length=100, min_width=140, elem_id="enrol-camera")
            enrol = gr.Button("Enrol this person", variant="primary", min_width=160, elem_id="enrol")
        shelf = gr.Dataframe(
            headers=text.SHELF_HEADERS,
            label="Enrolled",
            interactive=False,
            show_search="search",
            max_height=320,
            elem_id="shelf",
        )
        marked = gr.Dropdown([], multiselect=True, label="Tracklets to change", elem_id="marked")
        with gr.Row(equal_height=False):
            new_name = gr.Textbox(label="New name", max_lines=1, max_length=100, min_width=140, elem_id="new-name")
            new_camera = gr.Textbox(label="New camera", max_lines=1, max_length=100, min_width=140)
            rename = gr.Button("Rename", min_width=100, elem_id="rename")
            remove = gr.Button("Remove", variant="stop", min_width=100, elem_id="remove")
        with gr.Row(equal_height=False):
            with gr.Column(min_width=240):
                export = gr.Button("Export", elem_id="export")
                exported = gr.File(label="Exported gallery", interactive=False, visible=False, elem_id="exported")
            with gr.Column(min_width=240):
                bundle = gr.File(label="A gallery to import", file_types=[".zip"], height=110, elem_id="bundle")
                on_clash = gr.Radio(pairs(text.CLASHES), value="refuse", label="A tracklet that is there already")
                take = gr.Button("Import", elem_id="import")
    return OwnGallery(
        name, camera, enrol, shelf, marked, new_name, new_camera, rename, remove, export, exported, bundle, on_clash,
        take,
    )  # fmt: skip


def connect(
    own: OwnGallery, visit: Visit, opened: gr.events.Dependency, at_once: gr.Button
) -> tuple[gr.events.Dependency, ...]:
    """`opened`: the opening of the page; `at_once`: enrols the person shown without asking for names. Gives the events
    after which the gallery is another."""
    galleries = visit.service.galleries

    def shown(own_id: str) -> Values:
        """The table and the choices of what the gallery holds now, the newest first."""
        entries = galleries.shelf(own_id).entries[::-1]
        return {
            visit.own: own_id,
            own.shelf: [[entry.person, entry.camera, entry.key] for entry in entries],
            own.marked: gr.Dropdown(
                [(f"{entry.person} · camera {entry.camera} · {entry.key}", entry.key) for entry in entries], value=[]
            ),
        }

    def enrol_shown(selection: Selection | None, own_id: str, name: str, camera: str) -> Values:
        with shown_person(visit.service, selection) as (run, place):
            if not name.strip() or not camera.strip():
                raise InputError("Say who it is and which camera filmed it.")
            require_weights(galleries.shelf(own_id), run.engine.checkpoint.sha256)
            person = run.analysis.people[place]
            record = to_record(run.engine, person, run.digest, name.strip(), camera.strip())
            own_id = galleries.update(lambda gallery: gallery.add([record]), own_id)
            gr.Info(f"{name.strip()} is enrolled: rename or remove under Gallery.", duration=4)
            return shown(own_id)

    def enrol_at_once(selection: Selection | None, own_id: str) -> Values:
        with shown_person(visit.service, selection) as (run, place):
            number = run.analysis.people[place].tracklet.id
            clip = Path(run.analysis.video.source).stem[:80]
            several = len(run.analysis.people) > 1
        return enrol_shown(selection, own_id, f"{clip}, person {number}" if several else clip, text.OWN_CAMERA)

    def rename(own_id: str, keys: Sequence[str], name: str, camera: str) -> Values:
        with told_to_the_visitor():
            changes = _given(keys, name, camera)
            own_id = galleries.update(lambda gallery: gallery.rename(keys, *changes), own_id)
            return shown(own_id) | {own.new_name: "", own.new_camera: ""}

    def remove(own_id: str, keys: Sequence[str]) -> Values:
        with told_to_the_visitor():
            if not keys:
                raise InputError("Choose the tracklets first.")
            return shown(galleries.update(lambda gallery: gallery.remove(keys), own_id))

    def export(own_id: str) -> Values:
        with told_to_the_visitor():
            gallery = galleries.shelf(own_id)
            if not len(gallery):
                raise InputError("Your gallery is empty: enrol a clip first.")
            return {own.exported: gr.File(str(_bundle_file(gallery, own.exported)), visible=True)}

    def take(own_id: str, bundle: str | None, on_clash: OnClash) -> Values:
        with told_to_the_visitor():
            if bundle is None:
                raise InputError("Choose an exported gallery first.")
            incoming = read_bundle(Path(bundle))
            own_id = galleries.update(lambda gallery: merge(gallery, incoming, on_clash), own_id)
            gr.Info(f"{len(incoming)} tracklets read.", duration=4)
            return shown(own_id) | {own.bundle: None}

    table = [visit.own, own.shelf, own.marked]
    options: dict[str, Any] = {"api_visibility": "private", "show_progress_on": [own.shelf]}
    changed = (
        own.enrol.click(enrol_shown, [visit.selection, visit.own, own.name, own.camera], table, **options, **COMPARING),
        at_once.click(enrol_at_once, [visit.selection, visit.own], table, **options, **COMPARING),
        own.rename.click(
            rename,
            [visit.own, own.marked, own.new_name, own.new_camera],
            [*table, own.new_name, own.new_camera],
            **options,
            **DRAWING,
        ),
        own.remove.click(remove, [visit.own, own.marked], table, **options, **DRAWING),
        own.take.click(take, [visit.own, own.bundle, own.on_clash], [*table, own.bundle], **options, **DRAWING),
    )
    if galleries.kept:
        opened.then(shown, [visit.own], table, show_progress="hidden", api_visibility="private", **DRAWING)
    own.export.click(export, [visit.own], [own.exported], api_visibility="private", **DRAWING)
    return changed


def _given(keys: Sequence[str], name: str, camera: str) -> tuple[str | None, str | None]:
    """New names, None for one that stays. Raises InputError where nothing is to be changed."""
    if not keys or not (name.strip() or camera.strip()):
        raise InputError("Choose the tracklets, and say what their name or camera is to be.")
    return name.strip() or None, camera.strip() or None


def _bundle_file(gallery: Gallery, box: gr.File) -> Path:
    """The gallery as a file that goes with Gradio's own, an hour after its last use."""
    path = Path(box.GRADIO_CACHE) / secrets.token_hex(16) / "gallery.zip"
    path.parent.mkdir(parents=True)
    write_bundle(gallery, path)
    box.temp_files.add(str(path))
    return path
