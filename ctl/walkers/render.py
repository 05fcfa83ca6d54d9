"""Turn meshes into colours and depths, off screen, through VTK. Knows nothing of people or scenery."""

import os
import sys
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from scipy.sparse import csr_array

from ctl.errors import InputError
from ctl.walkers.camera import FAR_M, NEAR_M, Camera

if TYPE_CHECKING:  # VTK takes a second to load
    import pyvista


KEPT: Final = 32
"""Models that a stage keeps ready, so that textures and faces aren't sent to OpenGL for every frame."""


class Surface(Protocol):
    """What can be rendered, points apart: `figure.Piece` and `solids.Solid` are of this kind."""

    @property
    def faces(self) -> np.ndarray: ...  # (F, 3) int32
    @property
    def uv(self) -> np.ndarray: ...  # (V, 2) float32
    @property
    def texture(self) -> np.ndarray: ...  # (h, w, 3) uint8


@dataclass(frozen=True, slots=True)
class Light:
    """Light of a place, in parts of a colour's own brightness.

    Args:
        sun: (x, y, z) unit vector that points towards the sun.
        sun_strength: of direct light on a surface that faces it.
        sky_strength: of light from above.
        ambient: of light from everywhere.
    """

    sun: tuple[float, float, float]
    sun_strength: float
    sky_strength: float
    ambient: float


@dataclass(frozen=True, eq=False)
class Layer:
    """A rendered picture without a background.

    Args:
        colour: (H, W, 3) uint8.
        depth: (H, W) float32 metres along the direction of view; inf where nothing is.
    """

    colour: np.ndarray
    depth: np.ndarray


def vertex_normals(points: np.ndarray, faces: np.ndarray, incidence: csr_array) -> np.ndarray:
    """(V, 3) float32 unit normals of points (V, 3) and faces (F, 3): the mean of each vertex's faces, by area."""
    a, b, c = points[faces[:, 0]], points[faces[:, 1]], points[faces[:, 2]]
    normals = incidence @ np.cross(b - a, c - a)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), np.float32(1e-12))


def face_incidence(faces: np.ndarray, count: int) -> csr_array:
    """(count, F) float32, 1 where a vertex belongs to a face."""
    columns = np.repeat(np.arange(len(faces)), 3)
    return csr_array((np.ones(faces.size, np.float32), (faces.ravel(), columns)), shape=(count, len(faces)))


class Model:
    """Meshes that the stage has taken in; `pose` moves their points.

    Args:
        surfaces: of the meshes.
        smooth: whether light sees a rounded surface instead of flat triangles.
    """

    def __init__(self, surfaces: Sequence[Surface], smooth: bool) -> None:
        import pyvista as pv
        from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper

        self.meshes: list[pyvista.PolyData] = []
        self.actors: list[Any] = []
        self._faces = [(s.faces, face_incidence(s.faces, len(s.uv))) for s in surfaces] if smooth else []
        for surface in surfaces:
            mesh = pv.PolyData()
            mesh.points = np.zeros((len(surface.uv), 3), np.float32)
            mesh.regular_faces = surface.faces
            mesh.active_texture_coordinates = surface.uv
            mapper, actor = vtkPolyDataMapper(), vtkActor()
            mapper.SetInputData(mesh)
            actor.SetMapper(mapper)
            texture = pv.Texture(np.ascontiguousarray(surface.texture))
            texture.repeat, texture.interpolate, texture.mipmap = True, True, True
            actor.SetTexture(texture)
            self.meshes.append(mesh)
            self.actors.append(actor)

    def pose(self, points: Sequence[np.ndarray]) -> None:
        """Set the world points (V, 3) float32 of each surface."""
        for mesh, values in zip(self.meshes, points, strict=True):
            mesh.points = values
        for mesh, values, (faces, incidence) in zip(self.meshes, points, self._faces, strict=False):
            mesh.point_data.active_normals = vertex_normals(values, faces, incidence)


class Stage:
    """One off-screen window, used for everything that a process renders.

    Args:
        width, height: pixels of the largest picture that will be rendered.
    Raises:
        InputError: neither a GPU nor Mesa's software renderer is there.
    """

    def __init__(self, width: int, height: int) -> None:
        os.environ.setdefault("LP_NUM_THREADS", "0")  # Mesa's software renderer: this thread and no others
        if sys.platform == "linux":
            os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")  # needs no X server
        import vtkmodules.vtkRenderingOpenGL2  # noqa: F401  registers the OpenGL back end
        from vtkmodules.vtkRenderingCore import vtkLight, vtkRenderer, vtkRenderWindow

        self.width, self.height = width, height
        self._kept: OrderedDict[Model, None] = OrderedDict()
        self._window = vtkRenderWindow()
        self._window.SetOffScreenRendering(1)
        self._window.SetMultiSamples(0)
        self._window.SetSize(width, height)
        self._renderer = vtkRenderer()
        self._renderer.SetAutomaticLightCreation(False)
        self._window.AddRenderer(self._renderer)
        self._sun, self._sky = vtkLight(), vtkLight()
        for light in (self._sun, self._sky):
            light.SetLightTypeToSceneLight()
            light.PositionalOff()
            self._renderer.AddLight(light)
        self._sky.SetPosition(0, 0, 1)
        self._window.Initialize()
        if not self._window.GetInitialized():
            raise InputError(
                "no OpenGL for off-screen rendering: install Mesa (apt-get install libegl1 libgl1-mesa-dri)"
            )

    def render(
        self,
        models: Sequence[Model],
        light: Light,
        camera: Camera,
        region: tuple[int, int, int, int],
        oversampling: int,
    ) -> Layer:
        """Render a part of a camera's picture.

        Args:
            models: with their points set.
            light: of the place.
            camera: whose picture it is.
            region: left, top, width and height in pixels of that picture; may reach outside it.
            oversampling: rendered pixels per camera pixel and axis.
        Returns:
            (height · oversampling, width · oversampling) pixels.
        """
        _, _, width, height = region
        columns, rows = width * oversampling, height * oversampling
        if columns > self.width or rows > self.height:
            raise ValueError(f"{columns}x{rows} pixels do not fit the stage of {self.width}x{self.height}")
        self._renderer.SetViewport(0, 0, columns / self.width, rows / self.height)
        self._aim(camera, camera.clip_matrix(*region))
        self._sun.SetPosition(*light.sun)
        self._sun.SetIntensity(light.sun_strength)
        self._sky.SetIntensity(light.sky_strength)
        with self._shown(models, light.ambient):
            self._window.Render()
            return self._read(columns, rows)

    def _aim(self, camera: Camera, projection: np.ndarray) -> None:
        from vtkmodules.vtkCommonMath import vtkMatrix4x4

        matrix = vtkMatrix4x4()
        matrix.DeepCopy(projection.ravel().tolist())
        _, up, forward = camera.axes
        eye = self._renderer.GetActiveCamera()
        eye.SetPosition(*camera.position)
        eye.SetFocalPoint(*(camera.position + forward))
        eye.SetViewUp(*up)
        eye.SetClippingRange(NEAR_M, FAR_M)
        eye.SetExplicitProjectionTransformMatrix(matrix)
        eye.UseExplicitProjectionTransformMatrixOn()

    @contextmanager
    def _shown(self, models: Sequence[Model], ambient: float) -> Iterator[None]:
        actors = [actor for model in models for actor in model.actors]
        for model in models:
            self._keep(model)
        for actor in actors:
            actor.GetProperty().SetAmbient(ambient)
            actor.VisibilityOn()
        try:
            yield
        finally:
            for actor in actors:
                actor.VisibilityOff()

    def _keep(self, model: Model) -> None:
        """Have a model ready, and let go of the one that was used longest ago."""
        if model in self._kept:
            self._kept.move_to_end(model)
            return
        self._kept[model] = None
        for actor in model.actors:
            actor.VisibilityOff()
            self._renderer.AddActor(actor)
        if len(self._kept) > KEPT:
            oldest, _ = self._kept.popitem(last=False)
            for actor in oldest.actors:
                self._renderer.RemoveActor(actor)

    def _read(self, columns: int, rows: int) -> Layer:
        from vtkmodules.util.numpy_support import vtk_to_numpy
        from vtkmodules.vtkCommonCore import vtkFloatArray, vtkUnsignedCharArray

        colours, depths = vtkUnsignedCharArray(), vtkFloatArray()
        self._window.GetPixelData(0, 0, columns - 1, rows - 1, 0, colours, 0)
        self._window.GetZbufferData(0, 0, columns - 1, rows - 1, depths)
        colour = vtk_to_numpy(colours).reshape(rows, columns, 3)[::-1]
        z = vtk_to_numpy(depths).reshape(rows, columns)[::-1]
        metres = NEAR_M * FAR_M / (FAR_M - z * (FAR_M - NEAR_M))
        return Layer(colour, np.where(z < 1, metres, np.float32(np.inf)).astype(np.float32))
