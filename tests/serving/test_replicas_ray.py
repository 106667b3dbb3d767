"""The same session in front of two replicas that Ray Serve started. Optional: needs ``ray[serve]``."""

from __future__ import annotations

from tests.serving import test_replicas

BALANCER = "ray"


def test_optional_ray_session_survives_the_loss_of_a_replica(open_page, replicas):
    test_replicas.test_a_session_survives_the_loss_of_a_replica(open_page, replicas)
