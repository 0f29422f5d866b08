"""The peers, over HTTP: `POST /decide` (Redis, XGBoost) and `POST /floors` (a floors file in the process).

uvicorn runs it, with uvloop and httptools. Bodies and answers are read and written by orjson, without pydantic's
models: they would only cost time. What Redis has to be asked, it is asked in one round trip over a Unix socket.
"""
import gc
import os
from contextlib import asynccontextmanager

import orjson
import redis.asyncio
import xgboost
from fastapi import FastAPI, Request, Response

import decision
import floors

BOOSTER = xgboost.Booster({"nthread": 1}, model_file=os.environ["PEER_MODEL"])
MODEL_VERSION = os.environ["PEER_MODEL_VERSION"]
REDIS = redis.asyncio.Redis(unix_socket_path=os.environ["PEER_REDIS"], protocol=2, max_connections=256)
FLOORS = None


@asynccontextmanager
async def lifespan(_):
    global FLOORS
    if path := os.environ.get("PEER_FLOORS"):
        with open(path, "rb") as file:
            FLOORS = floors.Floors(orjson.loads(file.read()))
    await REDIS.ping()
    # What lives as long as the process need not be looked at by every collection.
    gc.collect()
    gc.freeze()
    yield
    await REDIS.aclose()


app = FastAPI(lifespan=lifespan, openapi_url=None)


@app.post("/decide")
async def decide(request: Request):
    row = orjson.loads(await request.body())
    placement = row["placement"]
    pipeline = REDIS.pipeline(transaction=False)
    # The request counts as a data point, but not for its own decision: one command counts and reads.
    pipeline.incr(decision.count_key(placement))
    pipeline.mget(decision.feature_keys(placement, row.get("domain")))
    count, (of_placement, on_domain) = await pipeline.execute()
    of_placement = decision.PLACEMENT.unpack(of_placement) if of_placement else decision.NO_PLACEMENT
    on_domain = decision.ON_DOMAIN.unpack(on_domain) if on_domain else decision.NOT_ON_DOMAIN
    cpm = float(BOOSTER.inplace_predict(decision.features(row, of_placement, on_domain), validate_features=False)[0])
    answer = decision.answer(row, of_placement, count - 1, cpm, MODEL_VERSION)
    return Response(orjson.dumps(answer), media_type="application/json")


@app.post("/floors")
async def file_floors(request: Request):
    row = orjson.loads(await request.body())
    return Response(orjson.dumps(FLOORS.answer(row)), media_type="application/json")
