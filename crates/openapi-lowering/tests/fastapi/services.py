"""Small services in the style of FastAPI's users. Prints the OpenAPI document of each."""

import datetime
import decimal
import enum
import json
import typing
import uuid
from typing import Annotated, Any, Generic, List, Literal, Optional, TypeVar, Union

from fastapi import (
    APIRouter,
    BackgroundTasks,
    Body,
    Cookie,
    Depends,
    FastAPI,
    File,
    Form,
    Header,
    Path,
    Query,
    Response,
    UploadFile,
)
from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse, StreamingResponse
from fastapi.security import APIKeyHeader, HTTPBearer, OAuth2PasswordBearer
from pydantic import BaseModel, ConfigDict, Field, RootModel, computed_field

Item = TypeVar("Item")


def split_models():
    """Models whose input and output differ, so FastAPI writes `…-Input` and `…-Output`."""
    app = FastAPI(title="split models")

    class Joint(BaseModel):
        name: str
        limits: Optional[List[float]] = None
        damping: float = 0.1

        @computed_field
        @property
        def label(self) -> str:
            return self.name

    class Mode(str, enum.Enum):
        FAST = "fast"
        SLOW = "slow"

    class Robot(BaseModel):
        joints: List[Joint] = []
        mode: Mode = Mode.FAST
        kind: Literal["arm", "legged"] = "arm"
        parent: Optional["Robot"] = None

    @app.post("/robots")
    def create_robot(robot: Robot) -> Robot:
        return robot

    @app.put("/robots/{robot_id}/joints")
    def replace_joints(robot_id: int, joints: List[Joint]) -> List[Joint]:
        return joints

    return app


def split_models_off():
    """The same models with `separate_input_output_schemas=False`."""
    app = FastAPI(title="split models off", separate_input_output_schemas=False)

    class Part(BaseModel):
        name: str = "part"
        tags: List[str] = []

    class Assembly(BaseModel):
        parts: List[Part] = []
        weight: decimal.Decimal = decimal.Decimal("0")

    @app.post("/assemblies")
    def create_assembly(assembly: Assembly) -> Assembly:
        return assembly

    return app


def generics():
    """Generic models, whose component names contain brackets or underscores."""
    app = FastAPI(title="generics")

    class Page(BaseModel, Generic[Item]):
        items: List[Item]
        total: int = Field(ge=0)
        order: Literal["asc", "desc"] = "asc"

    class Wrapped(BaseModel, Generic[Item]):
        data: Item
        error: Optional[str] = None

    class Camera(BaseModel):
        id: uuid.UUID
        resolution: typing.Tuple[int, int] = (640, 480)

    @app.get("/cameras")
    def list_cameras(offset: int = 0, limit: Annotated[int, Query(ge=1, le=100)] = 20) -> Page[Camera]:
        raise NotImplementedError

    @app.get("/names", response_model=Page[str])
    def list_names():
        raise NotImplementedError

    @app.get("/cameras/{camera_id}", response_model=Wrapped[Page[Camera]])
    def get_camera(camera_id: uuid.UUID):
        raise NotImplementedError

    @app.get("/ids", response_model=Wrapped[List[int]])
    def list_ids():
        raise NotImplementedError

    return app


def literals():
    """Literals of one and several values, of several types, and with null."""
    app = FastAPI(title="literals")

    class Light(BaseModel):
        type: Literal["light"]
        light_type: Literal["spot", "point"] = "spot"
        level: Literal[1, 2, 3] = 1
        mixed: Literal["auto", 0, None] = "auto"
        enabled: Literal[True] = True

    class Units(enum.IntEnum):
        METRES = 1
        FEET = 2

    @app.get("/lights/{kind}")
    def get_light(kind: Literal["spot", "point"], units: Units = Units.METRES) -> Light:
        raise NotImplementedError

    @app.post("/lights", status_code=201)
    def create_light(light: Light, order: Optional[Literal["<", ">", "="]] = None) -> Light:
        raise NotImplementedError

    return app


def enum_names():
    """Enums whose names Rust writes in another way, and enums with values that are hard to name."""
    app = FastAPI(title="enum names")
    job_status = enum.Enum("job_status", {"A": "queued", "B": "done"}, type=str)
    upper = enum.Enum("JOB_STATUS_CODE", {"A": "ok", "B": "not-ok"}, type=str)
    many = enum.Enum("Locale", {f"L{number}": f"x-{number}" for number in range(150)}, type=str)
    signs = enum.Enum("Sign", {"PLUS": "+", "MINUS": "-", "BOTH": "+-", "NONE": ""}, type=str)

    class Job(BaseModel):
        status: job_status
        code: upper
        locale: many
        sign: signs

    @app.get("/job")
    def get_job() -> Job:
        raise NotImplementedError

    @app.get("/jobs")
    def list_jobs(status: Annotated[Optional[job_status], Query()] = None, sign: List[signs] = Query([])) -> List[Job]:
        raise NotImplementedError

    return app


def unions():
    """Unions with and without a discriminator, of models, scalars and lists."""
    app = FastAPI(title="unions")

    class Box(BaseModel):
        shape: Literal["box"]
        size: typing.Tuple[float, float, float]

    class Sphere(BaseModel):
        shape: Literal["sphere"] = "sphere"
        radius: Annotated[float, Field(gt=0, description="in metres")]

    class Group(BaseModel):
        shape: Literal["group"]
        members: List[Annotated[Union[Box, Sphere, "Group"], Field(discriminator="shape")]]

    Shape = Annotated[Union[Box, Sphere, Group], Field(discriminator="shape")]

    class Scene(BaseModel):
        shapes: List[Shape]
        background: Union[str, int, List[float], None] = None
        extra: Union[Box, Sphere, str]
        lookup: typing.Dict[str, Union[int, str]] = {}

    @app.post("/shapes")
    def create_shape(shape: Shape) -> Union[Box, Sphere]:
        raise NotImplementedError

    @app.get("/scene")
    def get_scene(at: Union[int, str, None] = None) -> Scene:
        raise NotImplementedError

    @app.post("/values")
    def create_value(value: Annotated[Union[int, str, bool], Body()]) -> Union[int, str, None]:
        raise NotImplementedError

    return app


def annotated():
    """Constraints by `Annotated`, and metadata on parameters."""
    app = FastAPI(title="annotated")
    Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z]+$", examples=["arm"])]

    class Tool(BaseModel):
        name: Name
        mass: Annotated[float, Field(gt=0, lt=100, multiple_of=0.5, title="Mass")]
        count: Annotated[int, Field(ge=1, le=10)] = 1
        tags: Annotated[typing.Set[str], Field(max_length=5)] = set()
        made: datetime.date
        seen: Optional[datetime.datetime] = None
        lasts: datetime.timedelta = datetime.timedelta(days=1)
        at: datetime.time

    @app.get("/tools/{name}")
    def get_tool(
        name: Annotated[str, Path(max_length=64, description="Its name", examples=["arm"])],
        since: Annotated[Optional[datetime.datetime], Query(alias="from", deprecated=True)] = None,
        kinds: Annotated[Optional[List[str]], Query(alias="kind[]")] = None,
        trace: Annotated[Optional[str], Header(alias="X-Trace-Id")] = None,
        user_agent: Annotated[Optional[List[str]], Header()] = None,
        client: Annotated[Optional[str], Query()] = None,
    ) -> Tool:
        raise NotImplementedError

    @app.put("/tools/{name}", status_code=204)
    def replace_tool(name: str, tool: Annotated[Tool, Body(embed=True)], type: str = "x", self_: str = "") -> None:
        raise NotImplementedError

    return app


def files():
    """Uploads in all forms."""
    app = FastAPI(title="files")

    @app.post("/meshes")
    def upload_mesh(file: UploadFile) -> typing.Dict[str, str]:
        raise NotImplementedError

    @app.post("/bytes")
    def upload_bytes(file: Annotated[bytes, File(description="A mesh")]):
        raise NotImplementedError

    @app.post("/textures")
    def upload_textures(files: List[UploadFile], name: Annotated[str, Form()], scale: Annotated[float, Form()] = 1.0):
        raise NotImplementedError

    @app.post("/optional")
    def upload_optional(file: Optional[UploadFile] = None, note: Optional[str] = Form(None)):
        raise NotImplementedError

    @app.post("/login")
    def login(username: str = Form(), password: str = Form(), scopes: List[str] = Form([])):
        raise NotImplementedError

    return app


def streams():
    """Responses that are not JSON."""
    app = FastAPI(title="streams")

    @app.get("/download", response_class=FileResponse)
    def download():
        raise NotImplementedError

    @app.get("/stream", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
    def stream():
        raise NotImplementedError

    @app.get("/zip", responses={200: {"content": {"application/zip": {}}, "description": "A ZIP archive"}})
    def export():
        raise NotImplementedError

    @app.get("/text", response_class=PlainTextResponse)
    def text():
        raise NotImplementedError

    @app.get("/page", response_class=HTMLResponse)
    def page():
        raise NotImplementedError

    @app.get("/nothing", status_code=204, response_class=Response)
    def nothing():
        raise NotImplementedError

    @app.get("/image", response_class=Response, responses={200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}})
    def image():
        raise NotImplementedError

    return app


def dependencies():
    """Cookies, dependencies and security schemes."""
    bearer = HTTPBearer()
    key = APIKeyHeader(name="X-Key", auto_error=False)
    oauth = OAuth2PasswordBearer(tokenUrl="token", scopes={"read": "Reads"})

    def session(session: Annotated[Optional[str], Cookie()] = None, limit: int = 10):
        return session

    app = FastAPI(title="dependencies", dependencies=[Depends(bearer)])
    router = APIRouter(prefix="/v1", tags=["v1"], dependencies=[Depends(session)])

    @router.get("/me", dependencies=[Depends(key)])
    def me(token: Annotated[str, Depends(oauth)], tasks: BackgroundTasks) -> typing.Dict[str, Any]:
        raise NotImplementedError

    @router.get("/cookies")
    def cookies(ads_id: Annotated[Optional[str], Cookie()] = None) -> str:
        raise NotImplementedError

    @router.api_route("/both", methods=["GET", "POST"])
    def both() -> bool:
        raise NotImplementedError

    app.include_router(router)
    return app


def extras():
    """`json_schema_extra`, examples, additional properties and models that forbid them."""
    app = FastAPI(title="extras", summary="A summary", servers=[{"url": "https://example.com"}])

    class Open(BaseModel):
        model_config = ConfigDict(
            extra="allow", json_schema_extra={"examples": [{"a": 1}], "x-order": 1, "nulable": True}
        )
        a: int

    class Closed(BaseModel):
        model_config = ConfigDict(extra="forbid", title="A closed model")
        field: Annotated[str, Field(json_schema_extra={"example": "x", "widget": "textarea"})] = "x"
        anything: Any = None
        nested: typing.Dict[str, typing.Dict[str, List[Open]]] = {}
        alias: Annotated[int, Field(alias="the-alias")] = 0

    class Names(RootModel[List[str]]):
        pass

    class Table(RootModel[typing.Dict[str, Open]]):
        pass

    @app.post("/open", response_model=Open, responses={404: {"model": Closed}, 418: {"description": "teapot"}})
    def open_(body: Open):
        raise NotImplementedError

    @app.post("/closed", openapi_extra={"x-rate": 10})
    def closed(body: Closed) -> Names:
        raise NotImplementedError

    @app.patch("/table", operation_id="patchTable")
    def table(body: Table, dry: bool = False) -> Table:
        raise NotImplementedError

    @app.post("/raw")
    def raw(body: typing.Dict[str, Any]) -> Any:
        raise NotImplementedError

    @app.post("/scalar")
    def scalar(number: Annotated[int, Body()]) -> int:
        raise NotImplementedError

    @app.post("/two")
    def two(first: Open, second: Closed, third: Annotated[Optional[str], Body()] = None) -> None:
        raise NotImplementedError

    return app


def webhooks():
    """Webhooks, callbacks and several paths of one function."""
    app = FastAPI(title="webhooks")
    callbacks = APIRouter()

    class Event(BaseModel):
        at: datetime.datetime
        name: str

    @app.webhooks.post("job-done")
    def job_done(body: Event):
        """Sent when a job is done."""

    @callbacks.post("{$callback_url}/events")
    def received(body: Event):
        """Sent to the caller."""

    @app.post("/jobs", callbacks=callbacks.routes)
    @app.post("/v2/jobs", deprecated=True)
    def create_job(event: Event, callback_url: Optional[str] = None) -> Event:
        raise NotImplementedError

    @app.get("/files/{path:path}")
    def read_file(path: str) -> str:
        raise NotImplementedError

    @app.get("/hidden", include_in_schema=False)
    def hidden():
        raise NotImplementedError

    return app


def hoisted_names():
    """Models of the same name in several modules, and names that need another form in Rust."""
    app = FastAPI(title="hoisted names")

    def model(module, name, **fields):
        annotations = {field: kind for field, kind in fields.items()}
        return type(name, (BaseModel,), {"__annotations__": annotations, "__module__": module})

    first = model("first.models", "Item", a=int)
    second = model("second.models", "Item", b=Optional[str])
    error = model("app", "Error", code=int, type=str)
    result = model("app", "Result", self=str, ok=bool)
    option = model("app", "Option", none=Optional[int], Some=int)
    vector = model("app", "Vec", items=List[int])
    string = model("app", "String", string=str)

    @app.get("/first", response_model=first)
    def get_first():
        raise NotImplementedError

    @app.post("/second", response_model=result)
    def create_second(body: second):
        raise NotImplementedError

    @app.get("/option", response_model=option, responses={500: {"model": error}})
    def get_option(match: str = "", fn: int = 0, body: str = "", request: str = "", response: str = ""):
        raise NotImplementedError

    @app.post("/vec", response_model=List[vector])
    def new(body: List[string]):
        raise NotImplementedError

    return app


SERVICES = [
    split_models,
    split_models_off,
    generics,
    literals,
    enum_names,
    unions,
    annotated,
    files,
    streams,
    dependencies,
    extras,
    webhooks,
    hoisted_names,
]

if __name__ == "__main__":
    print(json.dumps({service.__name__: service().openapi() for service in SERVICES}))
