"""Rows of the parameter store."""

from sandbox.aws.row import AutoName, Row
from sandbox.aws.steps import parameters

ROWS = (
    Row(
        token="aws:ssm/parameter:Parameter",
        service="ssm",
        create=parameters.put_parameter,
        id="{name}",
        read=(parameters.read_parameter,),
        set={"allowedPattern description insecureValue keyId tier type value": parameters.rewrite_parameter},
        delete=("delete_parameter {Name: id}",),
        takes=(
            "allowedPattern",
            "dataType",
            "description",
            "insecureValue",
            "keyId",
            "name",
            "overwrite",
            "tier",
            "type",
            "value",
        ),
        # AWS has no way down from a larger tier.
        renewed={"tier": "old.tier == 'Advanced'"},
        local=("overwrite",),
        defaults={},
        computed=("arn", "dataType", "insecureValue", "keyId", "tier"),
        moves=("version",),
        auto=AutoName(limit=2048),
        tags="ssm",
    ),
)
