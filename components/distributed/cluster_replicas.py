"""The copies of a model in all processes of a cluster."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from components.common.errors import InputError
from components.distributed.cluster import VARIABLE, Cluster
from components.training.replicas import Replicas


def of_cluster(cluster: Cluster) -> Replicas:
    """The copies in all processes of a cluster, once all of them are there: it waits for that without limit.

    TensorFlow reads the cluster from TF_CONFIG itself. This has to come before anything else that it does.

    Raises:
        InputError: the workers have different numbers of devices.
    """
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    replicas = Replicas(strategy, cluster.number, len(cluster.addresses))
    here = len(replicas.devices)
    (every,) = replicas.all_reduce_sum(np.eye(replicas.workers, dtype=np.float32)[cluster.number] * here)
    if (every != here).any():
        problem = f"the workers have {', '.join(f'{int(n)}' for n in every)} devices, they should have equally many"
        raise InputError(VARIABLE, problem, "Set CUDA_VISIBLE_DEVICES for those that have more")
    return replicas
