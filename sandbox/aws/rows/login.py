"""Rows of Cognito."""

from sandbox.aws.row import AutoName, Row
from sandbox.aws.steps import login

# One call writes all settings; what it leaves out goes back to Cognito's default.
POOL_SETTINGS = (
    "accountRecoverySetting adminCreateUserConfig autoVerifiedAttributes deletionProtection deviceConfiguration"
    " emailConfiguration emailVerificationMessage emailVerificationSubject lambdaConfig passwordPolicy signInPolicy"
    " smsAuthenticationMessage smsConfiguration smsVerificationMessage userAttributeUpdateSettings userPoolAddOns"
    " userPoolTier verificationMessageTemplate"
)
MFA_SETTINGS = "emailMfaConfiguration mfaConfiguration softwareTokenMfaConfiguration webAuthnConfiguration"
CLIENT_SETTINGS = (
    "accessTokenValidity allowedOauthFlows allowedOauthFlowsUserPoolClient allowedOauthScopes analyticsConfiguration"
    " authSessionValidity callbackUrls defaultRedirectUri enablePropagateAdditionalUserContextData"
    " enableTokenRevocation explicitAuthFlows idTokenValidity logoutUrls name preventUserExistenceErrors"
    " readAttributes refreshTokenRotation refreshTokenValidity supportedIdentityProviders tokenValidityUnits"
    " writeAttributes"
)
DOMAIN = (
    "{Domain: domain, UserPoolId: userPoolId, ManagedLoginVersion: managedLoginVersion,"
    " CustomDomainConfig: certificateArn && {CertificateArn: certificateArn}}"
)
GROUP = "{GroupName: name, UserPoolId: userPoolId}"

ROWS = (
    Row(
        token="aws:cognito/userPool:UserPool",
        service="cognito-idp",
        create="create_user_pool * {UserPoolTags: tags}",
        id="UserPool.Id",
        read=(
            "describe_user_pool {UserPoolId: id} -> UserPool.merge(@, Policies, {Tags: UserPoolTags})",
            "get_user_pool_mfa_config {UserPoolId: id}",
        ),
        set={
            POOL_SETTINGS: "update_user_pool * {UserPoolId: id}",
            MFA_SETTINGS: "set_user_pool_mfa_config * {UserPoolId: id}",
            "schemas": login.add_attributes,
        },
        delete=("delete_user_pool {UserPoolId: id}",),
        nest="Policies",
        rename={
            "name": "PoolName",
            "schemas": "Schema",
            "emailConfiguration.fromEmailAddress": "From",
        },
        out={
            "name": "Name",
            "endpoint": "join('', ['cognito-idp.', region, '.amazonaws.com/', id])",
            # Cognito tells its standard attributes too.
            "schemas": "`null`",
        },
        fixed=("usernameConfiguration.caseSensitive",),
        defaults={"deletionProtection": "INACTIVE", "mfaConfiguration": "OFF"},
        computed=(
            "accountRecoverySetting",
            "adminCreateUserConfig",
            "emailConfiguration",
            "emailVerificationMessage",
            "emailVerificationSubject",
            "passwordPolicy",
            "passwordPolicy.temporaryPasswordValidityDays",
            "signInPolicy",
            "smsConfiguration",
            "smsVerificationMessage",
            "userPoolTier",
            "verificationMessageTemplate",
        ),
        moves=("lastModifiedDate",),
        volatile=("domain", "customDomain", "estimatedNumberOfUsers"),
        auto=AutoName(limit=128),
        tags="cognito",
    ),
    Row(
        token="aws:cognito/userPoolClient:UserPoolClient",
        service="cognito-idp",
        create="create_user_pool_client *",
        id="UserPoolClient.ClientId || $clientId",
        imported="{userPoolId}/{clientId}",
        derive={"clientId": "id"},
        read=("describe_user_pool_client {UserPoolId: userPoolId, ClientId: clientId} -> UserPoolClient",),
        set={CLIENT_SETTINGS: "update_user_pool_client * {ClientId: id}"},
        delete=("delete_user_pool_client {UserPoolId: userPoolId, ClientId: id}",),
        rename={"name": "ClientName"},
        computed=(
            "accessTokenValidity",
            "allowedOauthFlows",
            "allowedOauthFlowsUserPoolClient",
            "allowedOauthScopes",
            "authSessionValidity",
            "callbackUrls",
            "defaultRedirectUri",
            "enablePropagateAdditionalUserContextData",
            "enableTokenRevocation",
            "explicitAuthFlows",
            "idTokenValidity",
            "logoutUrls",
            "preventUserExistenceErrors",
            "readAttributes",
            "refreshTokenRotation",
            "refreshTokenValidity",
            "supportedIdentityProviders",
            "writeAttributes",
        ),
        auto=AutoName(limit=128),
    ),
    Row(
        token="aws:cognito/userPoolDomain:UserPoolDomain",
        service="cognito-idp",
        create=f"create_user_pool_domain {DOMAIN}",
        id="{domain}",
        read=("describe_user_pool_domain {Domain: domain} -> DomainDescription",),
        set={"certificateArn managedLoginVersion": f"update_user_pool_domain {DOMAIN}"},
        delete=("delete_user_pool_domain {Domain: domain, UserPoolId: userPoolId}",),
        out={
            "awsAccountId": "account",
            "certificateArn": "CustomDomainConfig.CertificateArn",
            "cloudfrontDistribution": "CloudFrontDistribution",
            "cloudfrontDistributionArn": "CloudFrontDistribution",
            # CloudFront's own zone, the same for all (https://docs.aws.amazon.com/general/latest/gr/cf_region.html).
            "cloudfrontDistributionZoneId": "'Z2FDTNDATAQYW2'",
        },
        computed=("managedLoginVersion",),
    ),
    Row(
        token="aws:cognito/userGroup:UserGroup",
        service="cognito-idp",
        create="create_group *",
        id="{userPoolId}/{name}",
        read=(f"get_group {GROUP} -> Group",),
        set={"description precedence roleArn": "update_group *"},
        delete=(f"delete_group {GROUP}",),
        rename={"name": "GroupName"},
        auto=AutoName(limit=128),
    ),
)
